// The readers whose latency counts: each reads the stamp of every message. Run by the bench.

import { callboardDialect, greet } from '../load/callboard-dialect.ts'
import { Line } from '../load/line.ts'
import { cpuSeconds } from '../measure/cpu.ts'
import { Latencies } from '../measure/latencies.ts'
import { SharedClock } from '../measure/shared-clock.ts'
import { Problems } from '../load/traffic.ts'
import { SUBJECT, type Finish, type ReadOutcome, type Task, type Timing } from './job.ts'
import { StampReader } from './stamped-frames.ts'
import { until } from './until.ts'
import { Parent } from './worker.ts'

const parent = new Parent()

await parent.serve(async () => {
  const { plan, readers: count } = await parent.next<Extract<Task, { kind: 'read' }>>()
  const clock = new SharedClock(plan.epoch)
  const latencies = new Latencies()
  const problems = new Problems()
  let windowMicros = Infinity
  let now = 0
  const record = (dueMicros: number): void => {
    if (dueMicros >= windowMicros) latencies.record(now - dueMicros)
  }
  const readers: StampReader[] = []
  for (let i = 0; i < count; i++) {
    const line = await Line.open(plan.target.address)
    await greet(line, plan.target.credential)
    await callboardDialect.subscribe(line, [SUBJECT])
    const reader = new StampReader(plan.payloadBytes, record)
    readers.push(reader)
    line.onLost = problem => problems.add(`reader ${i}: ${problem}`)
    line.onBytes = bytes => {
      now = clock.now()
      reader.receive(bytes)
    }
  }
  parent.tell({ ready: true })
  const timing = await parent.next<Timing>()
  windowMicros = timing.windowMicros
  const cpuBefore = cpuSeconds(process.pid)
  const { published } = await parent.next<Finish>()
  const used = cpuSeconds(process.pid) - cpuBefore
  await until(() => readers.every(reader => reader.messages >= published) || problems.texts.length > 0)
  for (const [i, { messages, problem }] of readers.entries()) {
    if (problem !== undefined) problems.add(`reader ${i}: ${problem}`)
    else if (messages !== published) problems.add(`reader ${i}: got ${messages} of ${published} messages`)
  }
  parent.tell({ latency: latencies.summary(), cpuSeconds: used, problems: problems.texts } satisfies ReadOutcome)
})
