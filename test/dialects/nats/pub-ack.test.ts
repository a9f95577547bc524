import test from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { queueHeadersOf, pubAcks } from '../../../dialects/nats/pub-ack.ts'
import { decodeFrame } from '../../../broker/wire/frame.ts'
import { QueuePipeline } from '../../support/queue-pipeline.ts'

function block(...lines: string[]): Uint8Array {
  return Buffer.from(['NATS/1.0', ...lines, '', ''].join('\r\n'))
}

test('pub ack: a PUB with a reply subject is answered when it is stored, with stream and sequence', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.nats()
  kept.isHolding = true
  client.raw('SUB in.* 1\r\nPUB jobs.a in.x 2\r\nhi\r\n')
  t.is(client.text(), '')
  kept.release()
  t.is(client.text(), 'MSG in.x 1 25\r\n{"stream":"jobs","seq":1}\r\n')
  t.is(kept.kept[0]!.count, 1)
  const { bytes } = kept.kept[0]!
  t.is(decodeFrame(bytes, 0, bytes.length).headers, undefined, 'where it was answered is nobody else\'s to know')
})

test('pub ack: a repeat under the same Nats-Msg-Id is a duplicate', async t => {
  const rig = new QueuePipeline()
  await rig.openQueue('jobs')
  const client = rig.nats()
  const headers = 'NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n'
  client.raw('SUB in.* 1\r\n')
  for (let i = 0; i < 2; i++) client.raw(`HPUB jobs in.x ${headers.length} ${headers.length + 2}\r\n${headers}hi\r\n`)
  await rig.settle()
  t.regex(client.text(), /\{"stream":"jobs","seq":1\}\r\nMSG in\.x 1 \d+\r\n\{"stream":"jobs","seq":1,"duplicate":true\}\r\n$/)
})

test('pub ack: without a reply subject a run is one append, and nothing is said, whatever becomes of it', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.nats()
  client.raw('PUB jobs 2\r\nhi\r\nPUB jobs 2\r\nho\r\n')
  await rig.settle()
  t.deepEqual(kept.kept.map(({ count }) => count), [2])
  kept.refusal = new BrokerError('queue.full', { queue: 'jobs' })
  client.raw('PUB jobs 2\r\nhi\r\n')
  await rig.settle()
  t.is(client.text(), '')
  t.is(rig.core.accounts.channel('jobs')!.dropped['not-stored'], 1)
})

test('pub ack: what cannot be stored is an error of JetStream\'s, by its own numbers where it has one', async t => {
  const rig = new QueuePipeline()
  const kept = await rig.openQueue('jobs')
  const client = rig.nats()
  kept.refusal = new BrokerError('queue.full', { queue: 'jobs' })
  client.raw('SUB in.* 1\r\nPUB jobs in.x 2\r\nhi\r\n')
  await rig.settle()
  t.true(client.text().endsWith('{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"jobs","seq":0}\r\n'))
  const other = 'NATS/1.0\r\nNats-Expected-Stream: mail\r\n\r\n'
  client.raw(`HPUB jobs in.x ${other.length} ${other.length + 2}\r\n${other}hi\r\n`)
  t.regex(client.text(), /"err_code":10060/)
  t.is(kept.kept.length, 0)
  t.regex(Buffer.from(pubAcks.refused('jobs', new BrokerError('store.no_space', { path: '/x' }))).toString(), /"code":503.*store\.no_space/)
})

test('pub ack: options of a queue ride in headers of their native names; conditions that nobody checks are refused', t => {
  t.deepEqual(queueHeadersOf(block('delay: 500', 'session: s1', 'sequence: 3', 'durability: os', 'deliverAt: 17', 'else: 1'), 'jobs'), { delay: 500, session: 's1', sequence: 3, durability: 'os', deliverAt: 17 })
  t.is(queueHeadersOf(block('Nats-Expected-Stream: jobs'), 'jobs'), undefined)
  for (const line of ['Nats-Expected-Last-Sequence: 4', 'Nats-Expected-Last-Msg-Id: x', 'Nats-Rollup: all', 'Nats-TTL: 5s', 'Nats-Expected-Stream: mail']) {
    t.is(t.throws(() => queueHeadersOf(block(line), 'jobs'), { instanceOf: BrokerError }).code, 'queue.bad_option', line)
  }
})
