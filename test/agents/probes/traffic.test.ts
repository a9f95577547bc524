import test from 'ava'
import fc from 'fast-check'
import { Traffic } from '../../../agents/probes/traffic.ts'
import { Usual } from '../../../agents/probes/usual.ts'
import type { TrafficSettings } from '../../../broker/ground/probes.ts'

const limits: TrafficSettings = { errorRate: 0.2, latencyMs: 100, silenceMs: 500, windowMs: 1000, onFailure: 'unhealthy' }

/** An instance that is looked at each 100 ms. */
class Looked {
  nowMs: number
  readonly #traffic: Traffic
  readonly #load = { outstanding: 0, failures: 0, answered: 0, unanswered: 0, tookMs: 0 }

  constructor(usual: Usual, settings: Partial<TrafficSettings> = {}, name = 'a', nowMs = 0) {
    this.nowMs = nowMs
    this.#traffic = new Traffic(name, { ...limits, ...settings }, usual, nowMs)
  }

  get problem(): string | undefined {
    return this.#traffic.problem
  }

  /** 100 ms pass, in which so many requests are answered, of which some fail, each in `tookMs`. */
  step({ answered = 0, failures = 0, unanswered = 0, tookMs = 10, outstanding = 0 } = {}): string | undefined {
    this.nowMs += 100
    const load = this.#load
    load.answered += answered
    load.failures += failures
    load.unanswered += unanswered
    load.tookMs += tookMs * (answered + unanswered)
    load.outstanding = outstanding
    this.#traffic.read({ ...load }, this.nowMs)
    return this.problem
  }

  /** The same again and again: after how many steps the problem came or went; -1: not. */
  steps(count: number, each: Parameters<Looked['step']>[0]): number {
    const before = this.problem === undefined
    for (let at = 1; at <= count; at++) if ((this.step(each) === undefined) !== before) return at
    return -1
  }
}

test('traffic: one that fails more than it may is unhealthy, with the figures, and ten requests are the least that says so', t => {
  const one = new Looked(new Usual())
  t.is(one.steps(1, { answered: 9, failures: 9 }), -1)
  t.is(one.step({ answered: 1, failures: 1 }), '100 % of 10 requests failed within 1000 ms')
  const other = new Looked(new Usual())
  t.is(other.steps(20, { answered: 10, failures: 2 }), -1, 'as many as it may')
  const unanswered = new Looked(new Usual())
  t.is(unanswered.steps(10, { answered: 3, unanswered: 1, failures: 1 }), 3)
})

test('traffic: what is usual for the agent is no reason, a good deal more is', t => {
  const usual = new Usual()
  const one = new Looked(usual)
  t.is(one.steps(40, { answered: 10, failures: 2 }), -1)
  t.is(one.steps(100, { answered: 100, failures: 22 }), -1, 'just above the floor and close to what is usual')
  t.true(one.steps(20, { answered: 10, failures: 9 }) > 0)
  t.regex(one.problem!, /usual are \d\d %/)
})

test('traffic: slow is what takes longer than usual and than the floor; before it is known what is usual nothing is', t => {
  const usual = new Usual()
  const slowAlways = new Looked(new Usual())
  t.is(slowAlways.steps(30, { answered: 10, tookMs: 3000 }), -1)
  const one = new Looked(usual)
  t.is(one.steps(60, { answered: 10, tookMs: 10 }), -1)
  t.is(one.steps(30, { answered: 10, tookMs: 90 }), -1, 'below the floor')
  t.true(one.steps(20, { answered: 10, tookMs: 2000 }) > 0)
  t.regex(one.problem!, /requests took \d+ ms each within 1000 ms, usual are \d+ ms/)
  // A new incarnation is measured by what was usual before it.
  t.true(new Looked(usual, {}, 'a', one.nowMs).steps(10, { answered: 10, tookMs: 2000 }) > 0)
})

test('traffic: silent is who has requests open and answers none, while others answer', t => {
  const usual = new Usual()
  const [one, other] = [new Looked(usual), new Looked(usual, {}, 'b')]
  for (let i = 0; i < 20; i++) {
    one.step({ outstanding: 3 })
    other.step()
  }
  t.is(one.problem, undefined, 'nobody answers: nobody is asked')
  for (let i = 0; i < 20 && one.problem === undefined; i++) {
    other.step({ answered: 1, outstanding: 1 })
    one.step({ outstanding: 3 })
  }
  t.regex(one.problem!, /^no answer for \d+ ms, with 3 requests open$/)
  t.is(other.problem, undefined)
  t.is(one.step({ answered: 1, outstanding: 2 }), undefined, 'an answer is enough')
  const alone = new Looked(new Usual())
  t.is(alone.steps(20, { outstanding: 1 }), 6, 'with nobody beside it the time alone decides')
  t.is(alone.steps(100, { outstanding: 1 }), -1)
})

test('traffic: who gets no requests any more is tried again, each time later while it fails', t => {
  const one = new Looked(new Usual())
  const waits: number[] = []
  for (let trial = 0; trial < 6; trial++) {
    t.true(one.steps(20, { answered: 10, failures: 10 }) > 0)
    waits.push(one.steps(1000, {}))
  }
  t.deepEqual(waits, [10, 20, 40, 80, 160, 160])
  // Well for some time, it is as if it had never failed.
  t.is(one.steps(30, { answered: 10 }), -1)
  t.true(one.steps(20, { answered: 10, failures: 10 }) > 0)
  t.is(one.steps(1000, {}), 10)
})

test('traffic: who behaves is back before its time', t => {
  const one = new Looked(new Usual())
  t.true(one.steps(20, { answered: 10, failures: 10 }) > 0)
  t.is(one.steps(20, { answered: 5 }), 2)
})

test('traffic: whatever comes, who stays below all floors is never unhealthy, and who only fails always is', t => {
  const step = fc.record({ answered: fc.nat(50), share: fc.double({ min: 0, max: 0.2, noNaN: true }), tookMs: fc.integer({ min: 0, max: 100 }), outstanding: fc.nat(5) })
  fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.boolean(), (steps, isTaught) => {
    const usual = new Usual()
    if (isTaught) new Looked(usual).steps(40, { answered: 20, failures: 1 })
    const one = new Looked(usual)
    for (const { answered, share, tookMs, outstanding } of steps) {
      // Never silent for long: something is answered in each step.
      one.step({ answered: answered + 1, failures: Math.floor(answered * share), tookMs, outstanding })
      t.is(one.problem, undefined)
    }
    t.true(one.steps(12, { answered: 100, failures: 100 }) > 0)
  }))
})

test('traffic: errors that grow slowly do not become usual without end', t => {
  const one = new Looked(new Usual())
  let failures = 0
  for (; failures < 100 && one.problem === undefined; failures++) one.steps(30, { answered: 100, failures })
  t.true(failures > 20 && failures <= 42, `${failures} %`)
})

test('usual: mean and deviation move as RFC 6298 has them', t => {
  const { latencyMs } = new Usual()
  t.is(latencyMs.limit(7), 7)
  latencyMs.learn(100)
  t.is(latencyMs.limit(150), 300, 'at most twice the floor')
  latencyMs.learn(200)
  t.is(latencyMs.mean, 112.5)
  t.is(latencyMs.limit(200), 112.5 + 4 * 62.5)
  t.is(latencyMs.limit(1000), 1000)
  t.is(latencyMs.limit(0), 200, 'or twice what it was at first')
})
