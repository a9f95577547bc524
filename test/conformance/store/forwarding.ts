// Stories of every store: one message becomes others, of this and other queues, in one step. Or the store says that it cannot.

import type { ExecutionContext } from 'ava'
import type { SettleOutcome } from '../../../broker/ground/store.ts'
import { withQueue, type Story } from './story.ts'
import { until } from '../../support/until.ts'
import { appendOf, queueSettings, QueueRig, type Fate, type Overrides, type StoreWorld, type Taken } from '../../support/queue-rig.ts'

/** Forwards to queues of these names; resolves with the outcome and what each append was told. */
async function forward(rig: QueueRig, { position, attempt }: Pick<Taken, 'position' | 'attempt'>, to: Readonly<Record<string, string>>): Promise<{ outcome: SettleOutcome; fates: Fate[] }> {
  const fates: Fate[] = []
  const appends = Object.entries(to).map(([queue, text]) => ({ queue, append: appendOf([text], {}, each => fates.push(...each), rig.settings.durability) }))
  const outcome = await new Promise<SettleOutcome>(resolve => rig.queue.forward!({ position, attempt, to: appends }, resolve))
  return { outcome, fates }
}

async function withTwo(t: ExecutionContext, world: StoreWorld, overrides: Overrides = {}): Promise<{ rig: QueueRig; other: Awaited<ReturnType<QueueRig['store']['open']>>; name: string }> {
  const rig = await QueueRig.open(t, world)
  const name = `${world.queue}-next`
  const other = await rig.store.open(name, queueSettings(overrides), { leased: () => {}, happened: () => {}, stateChanged: () => {} })
  return { rig, other, name }
}

export function forwarding(story: Story): void {
  withQueue(story, 'it says truly whether it can forward', {}, async (t, rig) => {
    t.is(rig.queue.forward !== undefined, rig.store.features.forward)
  })

  story('a message becomes others in one step, and is gone', async (t, world) => {
    const { rig, other, name } = await withTwo(t, world)
    await rig.stored('in')
    const [message] = await rig.take()
    const { outcome, fates } = await forward(rig, message!, { [name]: 'out', [world.queue]: 'again' })
    t.deepEqual(outcome, { lost: [] })
    t.true(fates.length === 2 && fates.every(fate => 'position' in fate))
    await rig.counted({ ready: 1, inFlight: 0, forwarded: 1, acked: 0, stored: 2 })
    t.like(await other.counts(), { ready: 1, stored: 1 })
    t.deepEqual(await rig.texts('waiting'), ['again'])
    await other.close()
  }, 'forward')

  story('where the lease is lost nothing is appended', async (t, world) => {
    const { rig, other, name } = await withTwo(t, world)
    await rig.stored('in')
    const [message] = await rig.take()
    await rig.does('ack', [message!])
    const { outcome } = await forward(rig, message!, { [name]: 'out' })
    t.deepEqual(outcome.lost, [message!.position])
    t.like(await other.counts(), { ready: 0, stored: 0 })
    await rig.counted({ acked: 1, forwarded: 0 })
    await other.close()
  }, 'forward')

  story('where one queue is full nothing is appended, and the lease is held', async (t, world) => {
    const { rig, other, name } = await withTwo(t, world, { maxMessages: 1 })
    await rig.stored('in')
    const [message] = await rig.take()
    t.deepEqual(await forward(rig, message!, { [name]: 'fits' }), { outcome: { lost: [] }, fates: [{ position: 1, isDuplicate: false }] })
    await rig.stored('second')
    const [second] = await rig.take()
    const { outcome, fates } = await forward(rig, second!, { [world.queue]: 'rolled back', [name]: 'too many' })
    t.is(outcome.error?.code, 'queue.full')
    t.true(fates.every(fate => 'refused' in fate))
    t.deepEqual(await rig.texts('waiting'), ['second'])
    await rig.does('ack', [second!])
    await rig.counted({ ready: 0, inFlight: 0, forwarded: 1, acked: 1 })
    await other.close()
  }, 'forward')

  for (const [what, room] of [
    ['has as many messages as it may, all of them on lease', { maxMessages: 2, whenFull: 'drop-oldest' }],
    ['has as many bytes as it may, all of them on lease', { maxBytes: 200, whenFull: 'drop-oldest' }],
    ['is full and drops what is new', { maxMessages: 2, whenFull: 'drop-newest' }],
  ] as const)
    story(`where a queue ${what}, nothing is appended, and the lease is held`, async (t, world) => {
      const { rig, other, name } = await withTwo(t, world, room)
      const stored = await new Promise<Fate[]>(resolve => other.append(appendOf(['one', 'two'], {}, resolve, rig.settings.durability)))
      t.true(stored.every(fate => 'position' in fate))
      other.demand(2)
      await until(async () => (await other.counts()).inFlight === 2)
      await rig.stored('in')
      const [message] = await rig.take()
      const { outcome, fates } = await forward(rig, message!, { [name]: 'x'.repeat(100) })
      t.is(outcome.error?.code, 'queue.full')
      t.true(fates.every(fate => 'refused' in fate))
      await rig.counted({ inFlight: 1, forwarded: 0 })
      t.like(await other.counts(), { stored: 2, inFlight: 2, dropped: 0, deadLettered: 0 })
      await other.close()
    }, 'forward')
}
