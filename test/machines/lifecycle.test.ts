import test from 'ava'
import { brokerMachine } from '../../machines/broker.ts'
import { channelMachine } from '../../machines/channel.ts'
import { phaseOf, stateName } from '../../machines/lifecycle.ts'
import { listenerMachine } from '../../machines/listener.ts'
import { chartTable } from '../support/chart-table.ts'
import { endAtOnce, endInOrder, ending } from '../support/lifecycle-table.ts'

for (const machine of [brokerMachine, listenerMachine, channelMachine]) {
  test(`${machine.id} chart: lives through the five phases, and a planned restart leads back to init`, t => {
    t.deepEqual(chartTable(machine), {
      create: { START: 'init', ...endAtOnce },
      init: { INITIALISED: 'run', ...endAtOnce },
      run: { MAINTAIN: 'maintain', ...endInOrder },
      maintain: { MAINTAINED: 'init', ...endInOrder },
      ...ending,
    })
  })
}

test('lifecycle: a state is named by its path, its phase is the first part', t => {
  t.is(stateName('init'), 'init')
  t.is(stateName({ run: { busy: 'writing' } }), 'run.busy.writing')
  t.is(phaseOf('init'), 'init')
  t.is(phaseOf('run.busy.writing'), 'run')
})
