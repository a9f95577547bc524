import test from 'ava'
import fc from 'fast-check'
import type { Verdict } from '../../../broker/routing/route.ts'
import { PipelineRig } from '../../support/pipeline.ts'

const token = fc.constantFrom('a', 'b', 'c')
const subject = fc.array(token, { minLength: 1, maxLength: 3 }).map(tokens => `_INBOX.${tokens.join('.')}`)
const pattern = fc.array(fc.constantFrom('a', 'b', '*', '>'), { minLength: 1, maxLength: 3 }).map(tokens => `_INBOX.${tokens.map((each, i) => (each === '>' && i < tokens.length - 1 ? '*' : each)).join('.')}`)
const step = fc.oneof(
  fc.record({ kind: fc.constant('publish' as const), subject }),
  fc.record({ kind: fc.constant('subscribe' as const), pattern }),
  fc.record({ kind: fc.constant('unsubscribe' as const), at: fc.nat(10) }),
)

function naivelyMatches(pattern: string, subject: string): boolean {
  const [p, s] = [pattern.split('.'), subject.split('.')]
  for (let i = 0; i < p.length; i++) {
    if (p[i] === '>') return s.length > i
    if (i >= s.length || (p[i] !== '*' && p[i] !== s[i])) return false
  }
  return p.length === s.length
}

test('inbox routes: each reply reaches whoever subscribed it, whatever was asked for in between', t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), steps => {
      const rig = new PipelineRig()
      const [publisher, receiver] = [rig.nats(), rig.nats()]
      const open = new Map<number, string>()
      let sid = 0
      for (const each of steps) {
        if (each.kind === 'subscribe') {
          open.set(++sid, each.pattern)
          receiver.raw(`SUB ${each.pattern} ${sid}\r\n`)
        } else if (each.kind === 'unsubscribe') {
          const chosen = [...open.keys()][each.at]
          if (chosen === undefined) continue
          open.delete(chosen)
          receiver.raw(`UNSUB ${chosen}\r\n`)
        } else {
          publisher.raw(`PUB ${each.subject} 1\r\nx\r\n`)
          const expected = [...open].filter(([, subscribed]) => naivelyMatches(subscribed, each.subject)).map(([number]) => `MSG ${each.subject} ${number} 1\r\nx\r\n`)
          t.deepEqual(receiver.text().match(/MSG .*\r\nx\r\n/g)?.toSorted() ?? [], expected.toSorted())
        }
      }
      t.true(rig.core.accounts.totals().balanced)
    }),
    { numRuns: 80 },
  )
})

test('inbox routes: a rule for one reply subject holds for that one alone', t => {
  const rig = new PipelineRig()
  const everything = { allow: ['>'], deny: [] }
  rig.addPrincipal({ name: 'some', publish: { allow: ['>'], deny: ['_INBOX.k.secret'] }, subscribe: everything }, 'some-token')
  const [publisher, receiver] = [rig.nats({ user: 'some', pass: 'some-token' }), rig.nats()]
  receiver.raw('SUB _INBOX.k.* 1\r\n')
  publisher.raw('PUB _INBOX.k.open 1\r\nx\r\nPUB _INBOX.k.secret 1\r\nx\r\nPUB _INBOX.k.other 1\r\nx\r\n')
  t.is(publisher.text(), '-ERR \'Permissions Violation for Publish to "_INBOX.k.secret"\'\r\n')
  t.is(receiver.text(), 'MSG _INBOX.k.open 1 1\r\nx\r\nMSG _INBOX.k.other 1 1\r\nx\r\n')
})

test('inbox routes: reply subjects take no place among the routes that come again, and share their verdicts', t => {
  const rig = new PipelineRig()
  const [publisher, receiver] = [rig.nats(), rig.nats()]
  receiver.raw('SUB _INBOX.k.* 1\r\n')
  const before = rig.core.routes.size
  for (let i = 0; i < 100; i++) publisher.raw(`PUB _INBOX.k.${i} 0\r\n\r\n`)
  t.is(rig.core.routes.size, before)
  const bytes = new TextEncoder().encode('_INBOX.k.x')
  const verdicts: readonly Verdict[] = rig.core.routes.find(bytes, 0, bytes.length).foreignVerdicts
  t.is(verdicts[publisher.connection.permissions!.index], 1)
})
