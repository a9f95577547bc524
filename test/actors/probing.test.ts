import test from 'ava'
import { Probing } from '../../actors/probing.ts'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { defaultProbePace, type ProbeSettings, type TrafficSettings } from '../../broker/ground/probes.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { defaultBackoff, type AgentSettings } from '../../broker/ground/settings.ts'
import { FakeClock, settle } from '../support/fake-clock.ts'
import { recordedLog } from '../support/recorded-log.ts'

const ping: ProbeSettings = { ...defaultProbePace, kind: 'ping', intervalMs: 1000, timeoutMs: 400, failureThreshold: 2 }
const traffic: TrafficSettings = { errorRate: 0.5, latencyMs: undefined, silenceMs: 1000, windowMs: 1000, onFailure: 'unhealthy' }

/** Probing over a broker that the test plays: what was found of each instance, in order, and who answers pings. */
function stage() {
  const clock = new FakeClock()
  const log = recordedLog()
  const deadlines = new Deadlines(clock, { onError: error => { throw error } })
  const found: string[] = []
  const answering = new Set<string>()
  const timed = new Set<string>()
  const loads = new Map<string, { outstanding: number; failures: number; answered: number; unanswered: number; tookMs: number }>()
  const probing = new Probing({
    environment: { clock, deadlines, log },
    broker: {
      hasMoved: false,
      sightOf: () => '',
      pingAgent: (id, answered) => {
        if (answering.has(id)) answered()
        return () => {}
      },
      found: (id, health) => void found.push(`${id} ${health ?? 'well'}`),
      loads: id => (loads.has(id) ? [loads.get(id)!] : []),
      timed: (id, now) => void (now === undefined ? timed.delete(id) : timed.add(id)),
    },
  })
  /** A process of an instance. */
  const start = (id: string, more: Partial<AgentSettings>) => {
    const settings: AgentSettings = { name: 'lamp', command: 'x', args: [], env: {}, cwd: undefined, restart: 'permanent', backoff: defaultBackoff, shutdownMs: 5000, ...more }
    const exited = Promise.withResolvers<void>()
    const failures: BrokerError[] = []
    let end = (): void => {}
    const scope = { log, defer: (release: () => void | Promise<void>) => void (end = () => void release()), fail: (error: unknown) => void failures.push(BrokerError.from(error)) }
    probing.watch({ id, settings, run: () => Promise.reject(new Error('nothing runs here')) }, scope, exited.promise)
    const exit = async (): Promise<void> => {
      exited.resolve()
      await settle()
    }
    return { failures, end: () => end(), exit }
  }
  return { clock, deadlines, found, answering, timed, loads, probing, start }
}

test('probing: an instance is starting until its probes succeed, which is tried as soon as it has connected', async t => {
  const { clock, found, answering, probing, start } = stage()
  start('lamp', { probes: [ping] })
  t.deepEqual(found, ['lamp starting'])
  await clock.advance(450)
  t.like(probing.of('lamp'), { state: 'starting', probes: [{ kind: 'ping', health: 'starting' }] })
  answering.add('lamp')
  await clock.advance(60)
  probing.attached('lamp')
  await clock.advance(30)
  t.deepEqual(found, ['lamp starting', 'lamp well'])
  t.is(probing.of('lamp')!.state, 'healthy')
  t.is(probing.of('other'), undefined)
})

test('probing: a failed probe ends the instance with its reason, or tells the registry, as it says', async t => {
  for (const onFailure of ['restart', 'unhealthy'] as const) {
    const { clock, found, answering, probing, start } = stage()
    answering.add('lamp')
    const process = start('lamp', { probes: [{ ...ping, onFailure }] })
    await clock.advance(50)
    answering.delete('lamp')
    await clock.advance(2500)
    t.deepEqual(found.slice(2), onFailure === 'restart' ? [] : ['lamp unhealthy'])
    t.deepEqual(process.failures.map(({ code, details }) => [code, details['problem']]), onFailure === 'restart' ? [['agent.unhealthy', 'ping: no answer within 400 ms']] : [])
    if (onFailure === 'restart') continue
    t.is(probing.of('lamp')!.problem, 'ping: no answer within 400 ms')
    answering.add('lamp')
    await clock.advance(1000)
    t.is(found.at(-1), 'lamp well')
  }
})

test('probing: an instance that ends gets nothing until its process is gone, and nothing is held against the next', async t => {
  const { clock, deadlines, found, answering, probing, start } = stage()
  answering.add('lamp')
  const first = start('lamp', { probes: [ping] })
  await clock.advance(50)
  first.end()
  t.deepEqual(found, ['lamp starting', 'lamp well', 'lamp starting'])
  t.is(probing.of('lamp'), undefined)
  t.is(deadlines.size, 0)
  // By plan the next one starts at once; what is told late of the one before is of no concern.
  start('lamp', { probes: [ping] })
  await first.exit()
  t.deepEqual(found.slice(3), ['lamp starting'])
  const other = start('lamp/2', { probes: [ping] })
  other.end()
  await other.exit()
  t.deepEqual(found.slice(4), ['lamp/2 starting', 'lamp/2 starting', 'lamp/2 well'])
})

test('probing: requests judge an instance too, and are timed only while somebody looks at that', async t => {
  const { clock, found, timed, loads, probing, start } = stage()
  const process = start('lamp', { health: traffic })
  t.deepEqual(found, ['lamp well'], 'nothing has to succeed first')
  t.deepEqual([...timed], ['lamp'])
  loads.set('lamp', { outstanding: 0, failures: 30, answered: 30, unanswered: 0, tookMs: 0 })
  await clock.advance(250)
  t.is(found.at(-1), 'lamp unhealthy')
  t.like(probing.of('lamp'), { state: 'unhealthy', problem: 'requests: 100 % of 30 requests failed within 1000 ms', probes: [{ kind: 'requests' }] })
  process.end()
  await process.exit()
  t.deepEqual([...timed], [])
  start('lamp', { health: { ...traffic, silenceMs: undefined } })
  t.deepEqual([...timed], [])
})
