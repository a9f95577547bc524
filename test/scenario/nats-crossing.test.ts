// Clients of every kind beside clients of the NATS library: whatever one of them can do with the other, it can do.

import test, { type ExecutionContext } from 'ava'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { joinAs, partyKinds, type Party, type PartyKind } from '../support/parties.ts'

const pairs = partyKinds.flatMap(from => partyKinds.map(to => [from, to] as const)).filter(([from, to]) => from === 'nats' || to === 'nats')
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
const value = { text: 'grüße', list: [1, 2.5, null, true], deep: { a: {} } }

function story(title: string, run: (t: ExecutionContext, from: Party, to: Party, kinds: { from: PartyKind; to: PartyKind }, broker: LocalBroker) => Promise<void>): void {
  for (const [fromKind, toKind] of pairs) {
    test(`crossing: ${fromKind} to ${toKind}: ${title}`, async t => {
      const broker = await startBroker(t)
      const [from, to] = [await joinAs(fromKind, t, broker), await joinAs(toKind, t, broker)]
      await run(t, from, to, { from: fromKind, to: toKind }, broker)
      const watch = await broker.connect()
      const stats = await watch.call('stats')
      t.true(stats.balanced, 'every delivery has a fate')
      t.is(stats.rejected, 0)
    })
  }
}

story('a message arrives with its value, its headers, its id and its sender', async (t, from, to, kinds) => {
  await to.subscribe('news.*')
  await from.publish('news.today', value, { headers: { 'X-Note': 'a b', traceparent: TRACE, tracestate: 'vendor=x' }, mid: 'msg-123' })
  const heard = await to.next()
  t.deepEqual(heard.value, value)
  t.is(heard.subject, 'news.today')
  t.deepEqual(heard.headers, { 'X-Note': 'a b', traceparent: TRACE, tracestate: 'vendor=x' })
  t.is(heard.mid, 'msg-123')
  // Between NATS clients the broker adds nothing, as in NATS.
  if (kinds.from !== kinds.to) t.is(heard.sender, kinds.to === 'sdk' ? String(from.origin) : from.client)
})

story('messages of many values keep their order', async (t, from, to) => {
  await to.subscribe('many')
  const values = [null, 0, '', 'text', [], {}, ...Array.from({ length: 100 }, (_, i) => i)]
  for (const each of values) await from.publish('many', each)
  const heard: unknown[] = []
  while (heard.length < values.length) heard.push((await to.next()).value)
  t.deepEqual(heard, values)
})

story('a request is answered', async (t, from, to) => {
  await to.serve('square', x => ({ value: Number(x) ** 2, headers: { unit: 'apples' } }))
  const { value: answer, headers, parts } = await from.request('square', 12, { headers: { traceparent: TRACE }, mid: 'ask-1' })
  t.is(answer, 144)
  t.is(headers!['unit'], 'apples')
  t.deepEqual(parts, [])
  const heard = await to.next()
  t.deepEqual([heard.value, heard.mid, heard.headers], [12, 'ask-1', { traceparent: TRACE }])
})

story('an answer in parts, then its end', async (t, from, to) => {
  await to.serve('count', () => ({ parts: ['one', 'two', { three: 3 }], value: 'done' }))
  const { parts, value: last } = await from.request('count', 3)
  t.deepEqual([parts, last], [['one', 'two', { three: 3 }], 'done'])
})

story('a failure arrives with its code', async (t, from, to) => {
  await to.serve('shop', () => ({ fails: { code: 'shop.closed', message: 'come back\r\ntomorrow' } }))
  t.is((await from.request('shop', null)).code, 'shop.closed')
})

story('where nobody listens, the answer comes at once', async (t, from) => {
  t.is((await from.request('nobody.here', null)).code, 'request.no_responders')
})

story('a group of both kinds gets each message once', async (t, from, to, { to: kind }, broker) => {
  const other = await joinAs(kind === 'nats' ? 'sdk' : 'nats', t, broker)
  for (const member of [to, other]) await member.serve('work', x => ({ value: x }), 'pool')
  const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => from.request('work', i)))
  t.deepEqual(answers.map(answer => answer.value), Array.from({ length: 20 }, (_, i) => i))
  const seen: unknown[] = []
  const hear = async (member: Party, count: number): Promise<void> => {
    for (let i = 0; i < count; i++) seen.push((await member.next()).value)
  }
  await Promise.all([hear(to, 10), hear(other, 10)])
  t.is(new Set(seen).size, 20, 'each has had half of them')
})
