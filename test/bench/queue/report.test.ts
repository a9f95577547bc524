import test from 'ava'
import { judgeBacklog } from '../../../bench/queue/backlog-report.ts'
import type { StepOutcome } from '../../../bench/queue/job.ts'
import { formatQueues, judgeQueues, type Series } from '../../../bench/queue/report.ts'

const none = { count: 0, p50: 0, p99: 0, max: 0 }
const step = (kind: StepOutcome['kind'], perSecond: number): StepOutcome => ({ kind, messages: perSecond, wallSeconds: 1, serverCpuSeconds: 0.5, loadCpuSeconds: 0.5, acked: none, delivered: none })
const series = (subject: Series['subject'], ...rates: readonly (readonly [publish: number, consume: number] | undefined)[]): Series => ({
  subject,
  rounds: rates.map(rate => (rate === undefined ? undefined : { steps: [step('publish', rate[0]), step('consume', rate[1]), step('through', 10), step('paced', 10)], problems: [] })),
})

test('queue report: ours with fsync is held against each other server, publishing and consuming', t => {
  const verdicts = judgeQueues([series('fsync', [300, 99]), series('os', [900, 900]), series('redis', [300, 100]), series('rabbitmq', [100, 34])])
  t.deepEqual(
    verdicts.map(({ what, isMet }) => [what, isMet]),
    [
      ['publish acks/s, fsync over rabbitmq', true],
      ['consume+ack/s, fsync over rabbitmq', false],
      ['publish acks/s, fsync over redis', true],
      ['consume+ack/s, fsync over redis', false],
    ],
  )
})

test('queue report: ratios are taken within a round, and a round that failed counts for neither', t => {
  const [publish] = judgeQueues([series('fsync', [100, 1], [1000, 1], [10, 1]), series('redis', [50, 1], undefined, [10, 1])])
  t.is(publish!.figure, '1.50 (1.00–2.00)')
})

test('queue report: a server of which no round came to its end is shown as failed', t => {
  t.regex(formatQueues([series('fsync', [100, 100]), series('redis', undefined)]), /publish +redis +failed/)
})

test('queue report: a backlog is judged by peak memory and by both starts', t => {
  const figures = { fill: step('publish', 1), publish: step('publish', 1), consume: step('consume', 1), peakBytes: 300 * 1024 * 1024, startSeconds: 2, startKilledSeconds: 2 }
  t.deepEqual(judgeBacklog(figures).map(({ isMet }) => isMet), [true, true, true])
  t.deepEqual(judgeBacklog({ ...figures, peakBytes: figures.peakBytes + 1, startKilledSeconds: 2.01 }).map(({ isMet }) => isMet), [false, true, false])
})
