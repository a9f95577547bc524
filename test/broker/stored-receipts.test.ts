import test from 'ava'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { QueuePipeline } from '../support/queue-pipeline.ts'

test('stored receipts: those of a commit are frames like any others, in order, whatever differs between them', async t => {
  const rig = new QueuePipeline()
  const [kept] = await Promise.all([rig.openQueue('jobs'), rig.openQueue('mail')])
  const [one, two, watcher] = [rig.native(), rig.native(), rig.native()]
  watcher.subscribe(1, 'jobs.seen')
  kept.isHolding = true
  const say = (client: typeof one, subject: string, mid?: string): number => client.send({ kind: Kind.publish, subject, flags: Flag.receipt, ...(mid === undefined ? {} : { headers: { mid } }) })
  const ids = [say(one, 'jobs', 'a'), say(one, 'jobs', 'a'), say(one, 'jobs'), say(one, 'jobs.seen'), say(one, 'jobs')]
  const other = say(two, 'jobs')
  kept.release()
  await rig.settle()
  const stored = (position: number, more = {}): object => ({ queue: 'jobs', position, ...more })
  t.deepEqual(one.frames().map(({ kind, ref, body }) => [kind, ref, body]), [
    [Kind.receipt, ids[0], { receivers: 1, stored: stored(1) }],
    [Kind.receipt, ids[1], { receivers: 1, stored: stored(1, { duplicate: true }) }],
    [Kind.receipt, ids[2], { receivers: 1, stored: stored(2) }],
    [Kind.receipt, ids[3], { receivers: 2, stored: stored(3) }],
    [Kind.receipt, ids[4], { receivers: 1, stored: stored(4) }],
  ])
  t.deepEqual(two.frames().map(({ ref, body }) => [ref, body]), [[other, { receivers: 1, stored: stored(5) }]])
  say(two, 'mail')
  await rig.settle()
  t.deepEqual(two.frames()[0]!.body, { receivers: 1, stored: { queue: 'mail', position: 1 } })
})

test('stored receipts: who left meanwhile is told nothing, and the others are', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const [one, two] = [rig.native(), rig.native()]
  kept.isHolding = true
  for (const client of [one, two]) client.send({ kind: Kind.publish, subject: 'jobs', flags: Flag.receipt })
  kept.release()
  rig.core.ended(one.connection)
  await rig.settle()
  t.deepEqual([...one.frames(), ...two.frames()].map(({ kind }) => kind), [Kind.receipt])
})

test('stored receipts: a client that reads them gets one for messages that stand one behind the other', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const [one, other] = [rig.native({ receiptRuns: true }), rig.native()]
  kept.isHolding = true
  const say = (client: typeof one, ...subjects: string[]): number => {
    const first = client.nextId
    client.link.arrive(Buffer.concat(subjects.map(subject => client.frame({ kind: Kind.publish, subject, flags: Flag.receipt }))))
    return first
  }
  const first = say(one, 'jobs', 'jobs')
  say(one, 'jobs')
  say(other, 'jobs')
  say(one, 'jobs', 'jobs.x', 'jobs', 'plain', 'plain', 'plain')
  kept.release()
  await rig.settle()
  const stored = (position: number): object => ({ receivers: 1, stored: { queue: 'jobs', position } })
  t.deepEqual(
    one.frames().map(({ kind, ref, to, body }) => [kind, ref - first, to, body]),
    [
      // These wait for no store.
      [Kind.receipt, 6, 2, { receivers: 0 }],
      [Kind.receipt, 0, 2, stored(1)],
      [Kind.receipt, 3, 2, stored(5)],
    ],
  )
  t.deepEqual(other.frames().map(({ to, body }) => [to, body]), [[0, stored(4)]])
})
