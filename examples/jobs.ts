// Sends jobs to the pool of workers.yaml and waits for their results: `npx node examples/jobs.ts [COUNT]`, default 12. Every fifth job
// goes wrong once, and the last one always.

import { connect, type Message } from '../client/index.ts'
import type { Job, Result } from './worker.ts'

const count = Number(process.argv[2] ?? 12)
/** More attempts than the queue allows. */
const ALWAYS = 1000
const run = Date.now().toString(36)
const client = await connect({ program: 'jobs' })
// Before the first job, so that no result of an earlier run is taken for one of this.
const results = client.consume<Result>('results')

for (let n = 1; n <= count; n++) {
  const job: Job = { name: `job ${n}`, takesMs: 100, failures: n === count ? ALWAYS : n % 5 === 0 ? 1 : 0 }
  // The receipt says that it is on disk. Under its own id it may be sent as often as need be.
  const { stored } = await client.publish('jobs', job, { mid: `${run}-${n}`, receipt: true })
  if (n === 1 || n === count) console.log(`${job.name} is stored at position ${stored?.position}`)
}

const byWorker = new Map<string, string[]>()
let left = count - 1
for await (const message of results) {
  note(message)
  await message.ack()
  if (--left <= 0) break
}
for (const [worker, done] of [...byWorker].toSorted(([a], [b]) => a.localeCompare(b))) console.log(`${worker}: ${done.join(', ')}`)
console.log(`job ${count} fails each time, and is a dead letter in a moment: callboard queue inspect jobs --dead-letter`)
await client.close()

function note({ value: { name, by, attempt } }: Message<Result>): void {
  const done = byWorker.get(by) ?? []
  byWorker.set(by, done)
  done.push(attempt === 1 ? name : `${name} (attempt ${attempt})`)
}
