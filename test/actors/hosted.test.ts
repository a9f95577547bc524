import test from 'ava'
import fc from 'fast-check'
import { initialTransition, setup, transition } from 'xstate'
import { HostedTable } from '../../actors/hosted.ts'
import { connectionMachine, type ConnectionEvent } from '../../machines/connection.ts'
import { phaseOf, stateName } from '../../machines/lifecycle.ts'

const types = connectionMachine.events.filter(type => !type.startsWith('xstate.')) as ConnectionEvent['type'][]

test('hosted: goes where XState itself goes, whatever the events, and shares nothing but the table', t => {
  const table = new HostedTable(connectionMachine)
  const property = fc.property(fc.array(fc.constantFrom(...types), { maxLength: 30 }), events => {
    const hosted = table.begin()
    const other = table.begin()
    let [snapshot] = initialTransition(connectionMachine)
    for (const type of events) {
      const before = stateName(snapshot.value)
      ;[snapshot] = transition(connectionMachine, snapshot, { type })
      const expected = stateName(snapshot.value)
      if (hosted.send(type) !== (expected !== before)) return false
      if (hosted.state !== expected || hosted.phase !== phaseOf(expected)) return false
    }
    return other.state === 'create'
  })
  t.notThrows(() => fc.assert(property))
})

test('hosted: a chart with actions is refused, nobody would run them', t => {
  const machine = setup({ types: { events: {} as { type: 'GO' } }, actions: { work: () => {} } }).createMachine({
    id: 'busy',
    initial: 'create',
    states: { create: { on: { GO: { target: 'run', actions: 'work' } } }, run: {} },
  })
  const chart = new HostedTable(machine).begin()
  t.throws(() => chart.send('GO'), { message: /busy has actions for GO in create/ })
})
