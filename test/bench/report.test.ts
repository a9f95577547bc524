import test from 'ava'
import type { Outcome } from '../../bench/load/job.ts'
import { formatReport, judge, summariseSeries, type MessageSeries, type Report } from '../../bench/report.ts'

const outcome = (deliveries: number): Outcome => ({ deliveries, wallSeconds: 2, serverCpuSeconds: 1, loadCpuSeconds: 1.5, fromMicros: 0, toMicros: 0, problems: [] })
const series = (server: MessageSeries['server'], rounds: (Outcome | undefined)[]): MessageSeries => ({ workload: 'A', title: 'one to one', server, rounds })

const environment: Report['environment'] = { takenAt: '2026-01-01T00:00:00.000Z', commit: 'abc', node: 'v24.0.0', nats: undefined, system: 'linux', cpu: 'test cpu', cpus: 2, loadBefore: 0 }

test('report: deliveries are divided by the server\'s CPU time and by the wall\'s, the broker\'s ratio is taken round by round', t => {
  const broker = series('broker', [outcome(80), outcome(300), outcome(70)])
  const relay = series('relay', [outcome(100), outcome(300), outcome(140)])
  const summary = summariseSeries(relay, [broker, relay])
  t.deepEqual(summary?.perCpuSecond, { median: 140, min: 100, max: 300, runs: 3 })
  t.deepEqual(summary?.perWallSecond, { median: 70, min: 50, max: 150, runs: 3 })
  t.deepEqual(summary?.brokerRatio, { median: 0.8, min: 0.5, max: 1, runs: 3 })
  t.is(summariseSeries(broker, [broker, relay])?.brokerRatio, undefined)
})

test('report: a server that never finished is shown as failed, with its problem', t => {
  const text = formatReport({ way: 'own', environment, messages: [series('broker', [undefined]), series('relay', [outcome(5)])], idle: [], start: undefined, problems: ['A broker: it ended'] })
  t.regex(text, /A +broker +failed/)
  t.regex(text, /A broker: it ended/)
})

test('report: memory is shown in KiB each, the start with its spread', t => {
  const text = formatReport({
    way: 'own',
    environment,
    messages: [],
    idle: [{ server: 'broker', connections: 10_000, bytesPerConnection: 11_264, problems: [] }],
    start: { coldMs: 612.4, warmMs: { median: 301, min: 290, max: 340, runs: 10 } },
    problems: [],
  })
  t.regex(text, /broker +10000 +11\.0/)
  t.regex(text, /start: 301 ms warm \(median of 10, 290–340\), 612 ms cold/)
})

test('report: over WebSocket the figures are held against their goals, each on the side where it is good', t => {
  const report = (broker: number, idleBytes: number): Report => ({
    way: 'ws',
    environment,
    messages: [series('broker', [outcome(broker)]), series('relay', [outcome(100)]), series('nats', [outcome(50)])],
    idle: [{ server: 'broker', connections: 10_000, bytesPerConnection: idleBytes, problems: [] }],
    start: undefined,
    problems: [],
  })
  const verdicts = (one: Report): string[] => judge(one).map(({ what, isMet }) => `${what}: ${isMet}`)
  t.deepEqual(verdicts(report(70, 16 * 1024)), ['A over relay: true', 'A over nats: false', 'E idle connection: true'])
  t.deepEqual(verdicts(report(75, 16 * 1024 + 1)), ['A over relay: true', 'A over nats: true', 'E idle connection: false'])
  t.deepEqual(verdicts(report(69, 1)), ['A over relay: false', 'A over nats: false', 'E idle connection: true'])
  t.deepEqual(judge({ ...report(70, 1), way: 'own' }), [])
  t.regex(formatReport(report(69, 1)), /A over relay +missed +≥ 0\.7 +0\.69/)
})

test('report: by the NATS protocol the broker is held against nats-server, in memory too', t => {
  const report = (broker: number, idleBytes: number): Report => ({
    way: 'nats',
    environment,
    messages: [series('broker', [outcome(broker)]), series('nats', [outcome(100)])],
    idle: [{ server: 'broker', connections: 10_000, bytesPerConnection: idleBytes, problems: [] }, { server: 'nats', connections: 10_000, bytesPerConnection: 20_000, problems: [] }],
    start: undefined,
    problems: [],
  })
  const verdicts = (one: Report): string[] => judge(one).map(({ what, figure, isMet }) => `${what} ${figure}: ${isMet}`)
  t.deepEqual(verdicts(report(130, 12_000)), ['A over nats 1.30: true', 'E idle connection over nats 0.60: true'])
  t.deepEqual(verdicts(report(129, 12_200)), ['A over nats 1.29: false', 'E idle connection over nats 0.61: false'])
  t.regex(formatReport(report(130, 12_000)), /the NATS protocol over TCP/)
})
