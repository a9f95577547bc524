import test from 'ava'
import { checkChildSpecs, checkSupervisor, type ChildSpec, type RestartType } from '../../actors/child-spec.ts'
import { defaultBackoff } from '../../broker/ground/settings.ts'
import { FakeChildren } from '../support/fake-child.ts'

const children = new FakeChildren()

const wrong: readonly [string, Partial<ChildSpec>, RegExp][] = [
  ['an empty id', { id: '' }, /its id is empty/],
  ['an unknown restart type', { restart: 'always' as RestartType }, /restart must be one of permanent, transient, temporary, got always/],
  ['a permanent one that waits to be started', { isDeferred: true }, /cannot be permanent/],
  ['no time to start', { startMs: 0 }, /startMs must be above 0/],
  ['a start time that is no number', { startMs: NaN }, /startMs must be above 0/],
  ['a negative shutdown', { shutdownMs: -1 }, /shutdownMs must be 0 or more/],
  ['a worker that may hang', { shutdownMs: Infinity }, /Infinity for supervisors alone/],
  ['a negative steady time', { steadyMs: -1 }, /steadyMs must be 0 or more/],
  ['a backoff without delay', { backoff: { ...defaultBackoff, initialMs: 0 } }, /initialMs must be above 0/],
  ['a backoff that shrinks', { backoff: { ...defaultBackoff, multiplier: 0.5 } }, /multiplier must be at least 1/],
  ['a backoff with its maximum below its first delay', { backoff: { ...defaultBackoff, maxMs: 1 } }, /maxMs must be at least initialMs/],
  ['a jitter above the whole', { backoff: { ...defaultBackoff, jitter: 1.5 } }, /jitter must be 0\.\.1/],
]

for (const [what, more, message] of wrong) {
  test(`child spec: ${what} is refused by name`, t => {
    t.throws(() => checkChildSpecs([children.spec('good'), children.spec('bad', more)], 1), { code: 'supervisor.bad_child_spec', message })
  })
}

test('child spec: what is right passes', t => {
  const specs = [
    children.spec('plain'),
    children.spec('brutal', { shutdownMs: 0, startMs: Infinity, restart: 'transient' }),
    children.spec('supervisor', { kind: 'supervisor', shutdownMs: Infinity }),
    children.spec('backed', { backoff: defaultBackoff, steadyMs: 0, restart: 'temporary' }),
  ]
  t.notThrows(() => checkChildSpecs(specs, 1))
})

test('child spec: two of one id are refused', t => {
  t.throws(() => checkChildSpecs([children.spec('a'), children.spec('b'), children.spec('a')], 1), { code: 'supervisor.bad_child_spec', message: /"a": another child has that id/ })
})

test('child spec: restarts without a bound need a backoff, or a child that fails at once spins for ever', t => {
  t.throws(() => checkChildSpecs([children.spec('a')], Infinity), { message: /needs a backoff/ })
  t.notThrows(() => checkChildSpecs([children.spec('a', { backoff: defaultBackoff }), children.spec('b', { restart: 'temporary' })], Infinity))
})

test('child spec: a supervisor is checked as well', t => {
  t.throws(() => checkSupervisor('sup', -1, 5000), { code: 'supervisor.bad_child_spec', message: /"sup": intensity must be/ })
  t.throws(() => checkSupervisor('sup', 1.5, 5000), { message: /intensity must be/ })
  t.throws(() => checkSupervisor('sup', 1, 0), { message: /periodMs must be above 0/ })
  t.notThrows(() => checkSupervisor('sup', Infinity, 1))
})
