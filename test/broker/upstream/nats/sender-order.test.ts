import test from 'ava'
import type { MovedArrival } from '../../../../broker/ground/handover.ts'
import { inOrder } from '../../../../broker/upstream/nats/sender-order.ts'

const INBOX = '_INBOX.x'

const arrival = (text: string, id?: string): MovedArrival => ({
  pattern: '>',
  group: undefined,
  isOwn: false,
  subject: 'news',
  reply: undefined,
  headers: id === undefined ? undefined : Buffer.from(`NATS/1.0\r\nCallboard-Id: ${id}\r\n\r\n`),
  payload: Buffer.from(text),
})

const texts = (arrivals: readonly MovedArrival[]): string[] => arrivals.map(({ payload }) => String(payload))

test('sender order: of one sender messages come in the order of their ids, whichever link they came to; others stay where they are', t => {
  const before = [arrival('a1', 'b.1.7.1'), arrival('x'), arrival('a3', 'b.1.7.3'), arrival('c9', 'b.1.8.9')]
  const after = [arrival('a2', 'b.1.7.2'), arrival('y'), arrival('a10', 'b.1.7.10'), arrival('d1', 'b.2.7.1')]
  t.deepEqual(texts(inOrder(before, after, INBOX)), ['a1', 'x', 'a2', 'c9', 'a3', 'y', 'a10', 'd1'])
})

test('sender order: what was in order stays as it was', t => {
  const before = [arrival('a1', 'b.1.7.1'), arrival('c1', 'b.1.8.1')]
  const after = [arrival('c2', 'b.1.8.2'), arrival('a2', 'b.1.7.2')]
  t.deepEqual(texts(inOrder(before, after, INBOX)), ['a1', 'c1', 'c2', 'a2'])
  t.deepEqual(inOrder([], [], INBOX), [])
})

test('sender order: an answer that came to both links stands there once, and other messages as often as they came', t => {
  const answer = (text: string, id?: string): MovedArrival => ({ ...arrival(text, id), pattern: `${INBOX}.>`, isOwn: true, subject: `${INBOX}.7.1` })
  const before = [answer('1', 'b.1.7.1'), answer('2', 'b.1.7.2'), answer('nameless'), arrival('news', 'b.1.8.1')]
  const after = [answer('2', 'b.1.7.2'), answer('3', 'b.1.7.3'), answer('nameless'), { ...answer('of another request', 'b.1.7.2'), subject: `${INBOX}.7.2` }, arrival('news', 'b.1.8.1')]
  t.deepEqual(texts(inOrder(before, after, INBOX)).toSorted(), ['1', '2', '3', 'nameless', 'nameless', 'news', 'news', 'of another request'])
})
