// The open-loop publisher: bursts leave when they are due, whatever became of those before. Run by the bench.

import { callboardDialect, greet } from '../load/callboard-dialect.ts'
import { Line } from '../load/line.ts'
import { Latencies } from '../measure/latencies.ts'
import { SharedClock } from '../measure/shared-clock.ts'
import type { Plan, Published, Task, Timing } from './job.ts'
import { Burst } from './stamped-frames.ts'
import { Parent } from './worker.ts'

const parent = new Parent()
// A timer is late by up to a millisecond, and a spinning publisher would take a core from the broker.
const sleeper = new Int32Array(new SharedArrayBuffer(4))

await parent.serve(async () => {
  const { plan } = await parent.next<Extract<Task, { kind: 'publish' }>>()
  const line = await Line.open(plan.target.address)
  await greet(line, plan.target.credential)
  const broken = new Promise<never>((_, reject) => (line.onLost = problem => reject(new Error(problem))))
  line.onBytes = bytes => line.onLost(callboardDialect.describe(bytes))
  parent.tell({ ready: true })
  parent.tell(await Promise.race([publish(line, plan, await parent.next<Timing>()), broken]))
})

function publish(line: Line, plan: Plan, { startMicros, endMicros }: Timing): Promise<Published> {
  const clock = new SharedClock(plan.epoch)
  const burst = new Burst(plan.burst, plan.payloadBytes, line.isMasked ? 'together' : 'bare')
  const lateness = new Latencies()
  let nextId = callboardDialect.firstNumber(line)
  let messages = 0
  let dueMicros = startMicros
  let heldMicros = 0
  let lastTurn = startMicros
  return new Promise(resolve => {
    const turn = (): void => {
      const turnMicros = clock.now()
      if (line.socket.writableLength > 0) heldMicros += turnMicros - lastTurn
      lastTurn = turnMicros
      for (let now = clock.now(); dueMicros <= now && dueMicros < endMicros; dueMicros += plan.everyMicros) {
        lateness.record(now - dueMicros)
        line.socket.write(burst.encode(nextId, dueMicros))
        if (line.socket.writableLength > 0) burst.renew()
        nextId += plan.burst
        messages += plan.burst
        now = clock.now()
      }
      if (dueMicros >= endMicros) return resolve({ messages, lateness: lateness.summary(), heldMs: heldMicros / 1000 })
      const waitMs = (dueMicros - clock.now()) / 1000
      if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs)
      setImmediate(turn)
    }
    turn()
  })
}
