// The identity: over accepted messages, Σ max(1, receivers) = written + dropped + pending, at any moment.

import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { dropReasons } from '../../broker/ground/fate.ts'
import { BusHistory, steps } from '../support/bus-history.ts'
import { PipelineRig } from '../support/pipeline.ts'

const small = { limits: { maxPendingBytes: 40_000 } }

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** What accounts say against what connections say: two books that are kept apart. */
function checkBooks(t: ExecutionContext, { rig, clients }: BusHistory): void {
  const { accounts, channels } = rig.core
  const totals = accounts.totals()
  const droppedTotal = sum(dropReasons.map(reason => totals.dropped[reason]))
  t.is(totals.deliveries, totals.written + droppedTotal + totals.pending)
  t.true(totals.balanced)
  for (const { name } of channels.list()) t.is(accounts.channel(name)!.imbalance, 0)
  t.is(accounts.outside.imbalance, 0)
  const connections = clients.map(({ client }) => client.connection)
  t.is(totals.pending, sum(connections.map(({ outbound }) => outbound.pendingMessages)))
  t.is(totals.written, sum(connections.map(({ outbound }) => outbound.writtenMessages)))
  t.is(droppedTotal - totals.dropped['no-interest'], sum(connections.map(({ outbound }) => outbound.droppedMessages)))
  t.is(totals.accepted, sum(connections.map(({ receivedMessages }) => receivedMessages)))
}

test('accounting: the identity holds at every step of random histories', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 120, size: 'max' }), async history => {
      const rig = new PipelineRig({ ipc: small })
      const bus = new BusHistory(rig)
      for (let i = 0; i < 3; i++) await bus.take({ kind: 'connect', isJson: i === 2, kernelBytes: i === 1 ? 300 : Infinity })
      for (const step of history) {
        const before = rig.core.accounts.totals().deliveries
        const expected = await bus.take(step)
        if (expected !== undefined) t.is(rig.core.accounts.totals().deliveries - before, expected)
        checkBooks(t, bus)
      }
      bus.finish()
      checkBooks(t, bus)
      t.is(rig.core.accounts.totals().pending, 0)
      for (const { client, received } of bus.clients) {
        const { writtenMessages } = client.connection.outbound
        // A link that broke in the middle of a write may have passed on more than it could vouch for.
        if (client.link.isClosed) t.true(received >= writtenMessages)
        else t.is(received, writtenMessages)
      }
      await rig.advance(500)
      t.is(rig.pipeline.openRequests, 0)
      t.true(bus.clients.every(({ client }) => client.connection.pauses === 0), 'nobody is paused when all is read')
      t.deepEqual(rig.log.records.filter(({ level }) => level === 'error'), [])
      rig.pipeline.close()
    }),
    { numRuns: 200 },
  )
})

test('accounting: a message that nobody wants has a fate too', t => {
  const rig = new PipelineRig()
  const client = rig.native()
  client.publish('events.x')
  client.publish('elsewhere')
  t.is(rig.core.accounts.channel('events')!.dropped['no-interest'], 1)
  t.is(rig.core.accounts.outside.dropped['no-interest'], 1)
})

test('accounting: refused messages are counted as rejected, outside the identity', t => {
  const rig = new PipelineRig()
  const client = rig.native()
  client.publish('a..b')
  client.publish('$SYS.x')
  client.send({ kind: 1, id: 1, subject: 'a' })
  const { rejected, deliveries, accepted } = rig.core.accounts.totals()
  t.deepEqual({ rejected, deliveries, accepted }, { rejected: 3, deliveries: 0, accepted: 0 })
})

test('accounting: what a deleted channel delivered stays counted, and late answers are charged elsewhere', t => {
  const rig = new PipelineRig()
  rig.openChannel({ name: 'jobs' })
  const [requester, responder] = [rig.native(), rig.native()]
  responder.subscribe(1, 'jobs.>')
  const id = requester.send({ kind: 2, subject: 'jobs.x' })
  responder.frames()
  rig.closeChannel('jobs')
  t.is(rig.core.accounts.totals().written, 1)
  responder.send({ kind: 3, to: requester.connection.number, ref: id, subject: 'jobs.x' })
  t.is(requester.messages().length, 1)
  const { written, deliveries, balanced } = rig.core.accounts.totals()
  t.deepEqual({ written, deliveries, balanced }, { written: 2, deliveries: 2, balanced: true })
})
