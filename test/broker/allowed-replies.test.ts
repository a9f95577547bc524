import test from 'ava'
import { AllowedReplies } from '../../broker/allowed-replies.ts'

function repliesAt(rules: { maxMessages: number; ttlMs: number }): { replies: AllowedReplies; clock: { ms: number } } {
  const clock = { ms: 1000 }
  return { replies: new AllowedReplies(rules, () => clock.ms), clock }
}

test('allowed replies: as many messages as the rules say, on what was asked alone', t => {
  const { replies } = repliesAt({ maxMessages: 2, ttlMs: 1000 })
  replies.remember('_INBOX.a')
  t.false(replies.takes('_INBOX.b', 1))
  t.true(replies.takes('_INBOX.a', 1))
  t.true(replies.takes('_INBOX.a', 1))
  t.false(replies.takes('_INBOX.a', 1))
})

test('allowed replies: only for the time that the rules say, anew with each request', t => {
  const { replies, clock } = repliesAt({ maxMessages: 1, ttlMs: 1000 })
  replies.remember('a')
  clock.ms += 999
  replies.remember('a')
  clock.ms += 999
  t.true(replies.takes('a', 1))
  replies.remember('a')
  clock.ms += 1000
  t.false(replies.takes('a', 1))
})

test('allowed replies: negative is without limit', t => {
  const { replies, clock } = repliesAt({ maxMessages: -1, ttlMs: -1 })
  replies.remember('a')
  clock.ms += 1e12
  for (let i = 0; i < 10; i++) t.true(replies.takes('a', 100))
})

test('allowed replies: the broker\'s own subjects are nobody\'s to answer on, and the oldest is forgotten', t => {
  const { replies } = repliesAt({ maxMessages: 1, ttlMs: 1000 })
  replies.remember('$CB.api.stop')
  t.false(replies.takes('$CB.api.stop', 1))
  for (let i = 0; i <= 4096; i++) replies.remember(`r.${i}`)
  t.false(replies.takes('r.0', 1))
  t.true(replies.takes('r.1', 1))
  t.true(replies.takes('r.4096', 1))
})
