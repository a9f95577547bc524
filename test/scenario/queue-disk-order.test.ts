// What leaves the broker over a queue leaves it after the disk has it: seen from outside, by the system calls of its process.

import { join } from 'node:path'
import { Kind } from '../../broker/wire/layout.ts'
import { startBrokerProcess } from '../support/broker.ts'
import { readCalls, straceInto, straceTest } from '../support/system-calls.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const MESSAGES = 10
/** Of a frame behind its length. */
const KIND_AT = 6
const marker = (n: number): string => `message number ${n} of this story`

straceTest('queue disk order: receipt, delivery and the answer to an ack leave after the disk has what they tell', async t => {
  const trace = join(temporaryDirectory(t), 'calls')
  const broker = await startBrokerProcess(t, { config: { channels: [{ name: 'jobs', mode: 'queue' }] }, through: straceInto(trace) })
  const client = await broker.connect()
  const worker = (await broker.connect()).consume('jobs')
  await worker.ready
  const messages = worker[Symbol.asyncIterator]()
  for (let n = 1; n <= MESSAGES; n++) {
    await client.publish('jobs', marker(n), { receipt: true })
    const { value } = await messages.next()
    await value!.ack()
  }
  // The signal is for the broker: its parent here is strace, which ends with it.
  process.kill(broker.pid, 'SIGTERM')
  await broker.exited

  const seen = { written: 0, receipts: 0, deliveries: 0, answers: 0 }
  let isSynced = true
  const early: string[] = []
  for await (const call of readCalls(trace)) {
    if (call.kind === 'sync' && call.path.endsWith('queues.db-wal')) isSynced = true
    else if (call.kind === 'write' && call.path.endsWith('queues.db-wal')) {
      isSynced = false
      if (call.bytes.includes(marker(seen.written + 1))) seen.written++
    } else if (call.kind === 'write' && call.path.startsWith('socket:')) {
      const before = seen.receipts + seen.deliveries + seen.answers
      if (call.bytes.includes('stored')) seen.receipts++
      if (call.bytes.includes(marker(seen.deliveries + 1))) seen.deliveries++
      if (call.bytes[KIND_AT] === Kind.ok) seen.answers++
      // One thing is done after the other: each of these tells what was written last. A ping tells nothing.
      const isTelling = seen.receipts + seen.deliveries + seen.answers > before
      if (isTelling && !isSynced) early.push(`${JSON.stringify(seen)}: ${call.bytes.toString('latin1')}`)
    }
  }
  // One answer confirms the consumer.
  t.deepEqual({ seen, early }, { seen: { written: MESSAGES, receipts: MESSAGES, deliveries: MESSAGES, answers: MESSAGES + 1 }, early: [] })
})
