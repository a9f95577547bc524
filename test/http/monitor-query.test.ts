import test from 'ava'
import { connectionQuery, parametersOf, subscriptionQuery } from '../../http/monitor-query.ts'

const connections = (query: string): ReturnType<typeof connectionQuery> => connectionQuery(parametersOf(`/connz?${query}`))

test('monitor query: without parameters all open connections by number', t => {
  t.deepEqual(connectionQuery(parametersOf('/connz')), { sort: 'cid', state: 'open', subscriptions: 'none', cid: undefined, withPrincipals: false, principal: undefined, account: undefined, offset: 0, limit: 0 })
})

test('monitor query: what nats-server understands is understood', t => {
  t.like(connections('subs=detail&auth=true&sort=msgs_to&limit=5&offset=2'), { subscriptions: 'detail', withPrincipals: true, sort: 'msgs_to', limit: 5, offset: 2 })
  t.like(connections('subs=1&state=ANY&cid=7&user=a&acc=$G'), { subscriptions: 'list', state: 'any', cid: 7, principal: 'a', account: '$G' })
  t.like(connections('state=closed&sort=reason&limit=-3'), { state: 'closed', sort: 'reason', limit: -3 })
  t.deepEqual(subscriptionQuery(parametersOf('/subsz?subs=T&test=a.b&limit=1')), { withList: true, subject: 'a.b', account: undefined, offset: 0, limit: 1 })
})

// The texts are those of nats-server 2.9.10, asked the same.
const refused: readonly (readonly [query: string, text: string])[] = [
  ['sort=bad', 'invalid sorting option: bad'],
  ['sort=stop', 'sort by stop only valid on closed connections'],
  ['auth=maybe', "Error decoding boolean for 'auth': strconv.ParseBool: parsing \"maybe\": invalid syntax"],
  ['subs=x', "Error decoding boolean for 'subs': strconv.ParseBool: parsing \"x\": invalid syntax"],
  ['limit=bad', "Error decoding int for 'limit': strconv.Atoi: parsing \"bad\": invalid syntax"],
  ['limit=99999999999999999999', "Error decoding int for 'limit': strconv.Atoi: parsing \"99999999999999999999\": value out of range"],
  ['cid=-1', "Error decoding uint64 for 'cid': strconv.ParseUint: parsing \"-1\": invalid syntax"],
  ['state=foo', 'Error decoding state for foo'],
]
for (const [query, text] of refused) {
  test(`monitor query: ${query} is refused in nats-server's words`, t => {
    t.is(t.throws(() => connections(query)).message, text)
  })
}
