import test from 'ava'
import fc from 'fast-check'
import { ClusterHistory, type Numbered } from './cluster-history.ts'

const SENDERS = ['p', 'p q']
const SUBJECTS = ['a', 'a.b']
const MEMBERS = ['m1', 'm2', 'm3']

const sends = fc.array(fc.record({ from: fc.constantFrom(...SENDERS), subject: fc.constantFrom(...SUBJECTS), member: fc.constantFrom(...MEMBERS) }), { minLength: 2, maxLength: 40 })

/** One message on its way to the subscriber `s` and to a member of the group `g`. */
interface Sent {
  readonly subject: string
  readonly message: Numbered
  readonly member: string
}

interface Flawless {
  readonly history: ClusterHistory
  readonly sent: readonly Sent[]
  /** Delivers to the group, as `sent` says or otherwise; to the subscriber as it says. */
  readonly deliver: (all: readonly Sent[]) => void
}

function historyOf(drawn: readonly { readonly from: string; readonly subject: string; readonly member: string }[]): Flawless {
  const history = new ClusterHistory()
  const sent = drawn.map(({ from, subject, member }) => ({ subject, message: history.next(from, subject), member }))
  const members = new Map(MEMBERS.map(name => [name, history.receiver(name, 'g')]))
  return {
    history,
    sent,
    deliver: all => {
      for (const { subject, message, member } of all) members.get(member)!.came(subject, message)
    },
  }
}

test('cluster history: what came once, in order, is no problem, and nothing is missing', t => {
  fc.assert(
    fc.property(sends, drawn => {
      const { history, sent, deliver } = historyOf(drawn)
      const alone = history.receiver('s')
      deliver(sent)
      for (const { subject, message } of sent) alone.came(subject, message)
      t.deepEqual(history.problems(), [])
      t.deepEqual(SUBJECTS.flatMap(subject => [...history.missing('g', subject), ...history.missing('s', subject)]), [])
      t.is(history.came('g'), sent.length)
      t.is(history.published(), sent.length)
      t.is(history.came('s', 'p'), history.published('p'))
    }),
  )
})

test('cluster history: a message that comes twice to a group is found, whoever of it got it', t => {
  fc.assert(
    fc.property(sends, fc.nat(), fc.constantFrom(...MEMBERS), (drawn, pick, other) => {
      const { history, sent, deliver } = historyOf(drawn)
      deliver(sent)
      deliver([{ ...sent[pick % sent.length]!, member: other }])
      t.true(history.problems().some(each => each.includes('twice')))
    }),
  )
})

test('cluster history: a message that comes before an earlier one of its sender and subject is found', t => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 20 }), fc.nat(), (count, pick) => {
      const { history, sent, deliver } = historyOf(Array.from({ length: count }, () => ({ from: 'p', subject: 'a', member: 'm1' })))
      const at = pick % (count - 1)
      deliver([...sent.slice(0, at), sent[at + 1]!, sent[at]!, ...sent.slice(at + 2)])
      t.deepEqual(history.problems(), [`m1 got p a ${at + 1} after ${at + 2}`])
      t.deepEqual(history.problems({ unordered: ['g'] }), [])
    }),
  )
})

test('cluster history: senders, and subjects of one sender, may overtake each other', t => {
  const { history, sent, deliver } = historyOf([{ from: 'p', subject: 'a', member: 'm1' }, { from: 'p q', subject: 'a', member: 'm1' }, { from: 'p', subject: 'a.b', member: 'm1' }])
  deliver(sent.toReversed())
  t.deepEqual(history.problems(), [])
})

test('cluster history: what did not come is missing, with what its sender was told', t => {
  fc.assert(
    fc.property(sends, fc.nat(), fc.constantFrom('link-down' as const, 'link-unknown' as const, 'forwarded' as const, undefined), (drawn, pick, told) => {
      const { history, sent, deliver } = historyOf(drawn)
      const lost = sent[pick % sent.length]!
      deliver(sent.filter(each => each !== lost))
      for (const { subject, message } of sent) if (message !== lost.message) history.told(subject, message, 'forwarded')
      if (told !== undefined) history.told(lost.subject, lost.message, told)
      t.deepEqual(history.missing('g', lost.subject), [{ ...lost.message, told: told ?? 'nothing' }])
      t.is(history.countOf('forwarded'), sent.length - (told === 'forwarded' ? 0 : 1))
      t.deepEqual(history.problems(), [])
    }),
  )
})

test('cluster history: what came beyond the broker though it was said not to have left is found', t => {
  const { history, sent, deliver } = historyOf([{ from: 'p', subject: 'a', member: 'm1' }, { from: 'p', subject: 'a', member: 'm1' }])
  deliver(sent)
  history.told('a', sent[0]!.message, 'link-unknown')
  history.told('a', sent[1]!.message, 'link-down')
  t.deepEqual(history.problems(), [])
  t.deepEqual(history.problems({ remote: ['g'] }), ['m1 got p a 2, of which the sender was told link-down'])
})

test('cluster history: what nobody sent is found, and many problems of one kind are cut', t => {
  const history = new ClusterHistory()
  const receiver = history.receiver('s')
  for (let n = 1; n <= 8; n++) receiver.came('a', { from: 'nobody', n })
  const problems = history.problems()
  t.is(problems.length, 6)
  t.is(problems[0], 's got nobody a 1, which was never sent')
  t.is(problems[5], '… and 3 more')
})
