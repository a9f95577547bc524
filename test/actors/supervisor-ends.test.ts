import test from 'ava'
import type { ChildEnd } from '../../actors/child-spec.ts'
import { exits } from '../support/fake-child.ts'
import { settle } from '../support/fake-clock.ts'
import { supervise } from '../support/supervise.ts'

function ends() {
  const told: string[] = []
  const onEnd = ({ incarnation, reason, next }: ChildEnd): void => void told.push(`#${incarnation} ${reason.kind}: ${next.kind}${next.kind === 'restart' ? ` in ${next.delayMs} ms` : ''}`)
  return { told, onEnd }
}

const backoff = { initialMs: 100, maxMs: 1000, multiplier: 2, jitter: 0 }

test('supervisor ends: a child says of each end what follows: a restart and when, or nothing', async t => {
  const [a, b] = [ends(), ends()]
  const { supervisor, children, clock } = supervise({ a: { backoff, onEnd: a.onEnd }, b: { restart: 'transient', onEnd: b.onEnd } })
  await supervisor.start()
  children.exit('a', exits.crash)
  children.exit('b', exits.normal)
  await settle()
  await clock.advance(150)
  children.exit('a', exits.normal)
  await settle()
  t.deepEqual(a.told, ['#1 crash: restart in 100 ms', '#2 normal: restart in 200 ms'])
  t.deepEqual(b.told, ['#1 normal: down'])
})

test('supervisor ends: a restart that does not come to run is an end as well', async t => {
  const a = ends()
  const { supervisor, children, clock } = supervise({ a: { backoff, onEnd: a.onEnd } })
  await supervisor.start()
  children.nextStarts('a', 'fail')
  children.exit('a', exits.crash)
  await settle()
  await clock.advance(150)
  t.deepEqual(a.told, ['#1 crash: restart in 100 ms', '#2 crash: restart in 200 ms'])
})

test('supervisor ends: who is stopped, or ends with its group, and who was the one too many', async t => {
  const [a, b] = [ends(), ends()]
  const { supervisor, children, exits: own } = supervise({ a: { onEnd: a.onEnd }, b: { onEnd: b.onEnd } }, { strategy: 'oneForAll', intensity: 1 })
  await supervisor.start()
  children.exit('a', exits.crash)
  await settle()
  children.exit('a', exits.crash)
  await settle()
  t.deepEqual(a.told, ['#1 crash: restart in 0 ms', '#2 crash: escalate'])
  t.deepEqual(b.told, ['#1 shutdown: stopped', '#2 shutdown: stopped'])
  t.like(own, [{ kind: 'crash' }])
})

test('supervisor ends: one whose listener throws is restarted all the same', async t => {
  const { supervisor, children, tree, environment } = supervise({ a: { onEnd: () => { throw new Error('broken') } } })
  await supervisor.start()
  children.exit('a', exits.crash)
  await settle()
  t.deepEqual(tree(), ['a#2 run'])
  t.true(environment.log.records.some(({ text }) => text === 'onEnd failed'))
})
