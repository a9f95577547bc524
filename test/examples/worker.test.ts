import { decode } from '@msgpack/msgpack'
import test from 'ava'
import { startSample } from '../support/sample-agent.ts'
import { forwarded, ScriptedQueue } from '../support/scripted-queue.ts'

test('worker: a job is replaced by its result, one that goes wrong is tried again, and what is no job is set aside', async t => {
  const { peer } = await startSample(t, 'worker')
  const queue = await ScriptedQueue.announced(peer)
  t.is(await queue.pulled(), 1)
  queue.lease(1, { name: 'a', takesMs: 1, failures: 0 })
  const [[position, attempt, [frame]]] = (await queue.settled()).forward as [[number, number, Uint8Array[]]]
  const result = forwarded(frame!)
  t.deepEqual([position, attempt, result.subject, decode(result.payload)], [1, 1, 'results', { name: 'a', by: 'worker', attempt: 1 }])
  t.is(await queue.pulled(), 1)
  queue.lease(2, { name: 'b', takesMs: 1, failures: 2 }, { headers: { $attempt: 2 } })
  t.deepEqual(await queue.settled(), { nak: [[2, 2, null, 'b went wrong']] })
  await queue.pulled()
  queue.lease(3, 'what is this?')
  t.deepEqual(await queue.settled(), { term: [[3, 1, 'not a job']] })
})
