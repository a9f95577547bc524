// NATS clients of a broker beside clients of another broker, where a real NATS server joins the two.

import type { ExecutionContext } from 'ava'
import { joinedBrokers, wants } from '../support/joined-brokers.ts'
import { startNatsServer, natsTest } from '../support/nats-server.ts'
import { joinAs, type Party, type PartyKind } from '../support/parties.ts'
import type { Client } from '../../client/index.ts'

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00'
const pairs: readonly [PartyKind, PartyKind][] = [['nats', 'nats'], ['nats', 'sdk'], ['sdk', 'nats'], ['json', 'nats']]

interface Hall {
  readonly from: Party
  readonly to: Party
  readonly here: Client
  readonly there: Client
}

/** One client at each of two joined brokers. */
async function hall(t: ExecutionContext, fromKind: PartyKind, toKind: PartyKind): Promise<Hall> {
  const server = await startNatsServer(t, { jetStream: true })
  const [one, two] = await joinedBrokers(t, [server.url], [{}, {}])
  return { from: await joinAs(fromKind, t, one!.broker), to: await joinAs(toKind, t, two!.broker), here: one!.client, there: two!.client }
}

for (const [fromKind, toKind] of pairs) {
  natsTest(`joined nats clients: ${fromKind} here, ${toKind} there: messages, requests, parts, failures and headers cross`, async t => {
    const { from, to, here, there } = await hall(t, fromKind, toKind)
    await to.subscribe('news')
    await to.serve('square', x => ({ value: Number(x) ** 2, headers: { unit: 'apples' } }))
    await to.serve('count', () => ({ parts: ['one', 'two'], value: 'done' }))
    await to.serve('shop', () => ({ fails: { code: 'shop.closed', message: 'come back tomorrow' } }))
    await wants(there, 4)
    await from.publish('news', { text: 'grüße', list: [1, null] }, { headers: { 'X-Note': 'a b', traceparent: TRACE }, mid: 'msg-1' })
    const heard = await to.next()
    t.deepEqual([heard.value, heard.mid, heard.headers['X-Note'], heard.headers['traceparent']], [{ text: 'grüße', list: [1, null] }, 'msg-1', 'a b', TRACE])
    // Ids that nobody chose end with the broker's.
    t.true(heard.sender.startsWith(from.client), heard.sender)
    const answer = await from.request('square', 12)
    t.deepEqual([answer.value, answer.headers!['unit']], [144, 'apples'])
    t.deepEqual(await from.request('count', null).then(({ parts, value }) => [parts, value]), [['one', 'two'], 'done'])
    t.is((await from.request('shop', null)).code, 'shop.closed')
    t.is((await from.request('nobody.anywhere', null)).code, 'request.no_responders')
    for (const client of [here, there]) t.true((await client.call('stats')).balanced)
  })
}

natsTest('joined nats clients: many requests of a NATS client to another broker are all answered', async t => {
  const { from, to, there } = await hall(t, 'nats', 'nats')
  await to.serve('echo', x => ({ value: x }))
  await wants(there, 1)
  const answers = await Promise.all(Array.from({ length: 200 }, (_, i) => from.request('echo', i)))
  t.deepEqual(answers.map(({ value }) => value), answers.map((_, i) => i))
})
