import test from 'ava'
import { PipelineRig } from '../support/pipeline.ts'

const DURATION_MS = 10_000

function infoOf(text: string): Record<string, unknown> {
  return JSON.parse(/^INFO (.*)\r\n/.exec(text)![1]!) as Record<string, unknown>
}

test('lame duck: NATS clients that read INFO at any time are told at once, and all end within the time, not all at once', async t => {
  const rig = new PipelineRig()
  const clients = Array.from({ length: 20 }, () => rig.nats({ protocol: 1 }))
  const [old, native] = [rig.nats({ protocol: 0 }), rig.native()]
  let isDone = false
  const left = rig.pipeline.lameDuck.begin(DURATION_MS).then(() => (isDone = true))
  rig.turn()
  for (const client of clients) t.true(infoOf(client.text())['ldm'])
  t.is(old.text(), '')
  const open = (): number => [...clients, old].filter(({ link }) => !link.isClosed).length
  const counts: number[] = []
  for (let second = 1; second <= 10; second++) {
    await rig.advance(1000)
    counts.push(open())
    for (const client of clients) t.is(client.text(), '', 'nothing is said at the end')
  }
  t.true(counts[0]! >= 19, `in the first tenth hardly anybody is ended: ${counts.join(' ')}`)
  for (let i = 1; i < counts.length; i++) t.true(counts[i - 1]! - counts[i]! <= 4, counts.join(' '))
  t.is(counts.at(-1), 0)
  await left
  t.true(isDone)
  t.true(native.connection.isReady)
})

test('lame duck: with no time the clients are told, and it is over; who has gone by himself is not waited for', async t => {
  const rig = new PipelineRig()
  const client = rig.nats({ protocol: 1 })
  await rig.pipeline.lameDuck.begin(0)
  t.true(infoOf(client.text())['ldm'])
  t.true(client.connection.isReady)
  const other = new PipelineRig()
  const quick = other.nats({ protocol: 1 })
  const left = other.pipeline.lameDuck.begin(60_000)
  quick.link.hangUp()
  other.turn()
  await other.advance(7000)
  await left
  t.pass()
})

test('lame duck: nobody new is let in, and the time can be cut short', async t => {
  const rig = new PipelineRig()
  const client = rig.nats({ protocol: 1 })
  const left = rig.pipeline.lameDuck.begin(DURATION_MS)
  t.throws(() => rig.natsLink())
  t.notThrows(() => rig.native())
  rig.pipeline.lameDuck.cutShort()
  await left
  t.true(client.connection.isReady)
})

test('notices: a change is told to clients that read INFO at any time, without the word to leave', t => {
  const rig = new PipelineRig({ nats: { serverName: 'here' } })
  const [modern, old, early] = [rig.nats({ protocol: 1 }), rig.nats({ protocol: 0 }), rig.natsLink()]
  early.text()
  rig.pipeline.notices.tellAll()
  const info = infoOf(modern.text())
  t.is(info['server_name'], 'here')
  t.false('ldm' in info)
  t.is(info['client_id'], modern.connection.number)
  for (const client of [old, early]) t.is(client.text(), '')
})
