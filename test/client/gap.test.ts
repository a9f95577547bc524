import { encode } from '@msgpack/msgpack'
import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import type { Gap } from '../../client/index.ts'
import { values } from '../support/collect.ts'
import { nextEvent, scriptedClient } from '../support/scripted-client.ts'

const range = (subject: string, from: number, to: number): Gap['ranges'][number] => ({ origin: 9, from, to, subject, count: to - from + 1 })

test('gap: the client hears of all of it, a subscription of what its pattern matches', async t => {
  const { client, peer } = await scriptedClient(t)
  const heard: [string, Gap][] = []
  for (const pattern of ['news.>', 'weather', 'idle']) {
    client.subscribe(pattern, { onGap: gap => heard.push([pattern, gap]), onMessage: () => {} })
    peer.ok(await peer.nextOf(Kind.subscribe))
  }
  const gap: Gap = { reason: 'overflow', count: 16, ranges: [range('news.a', 1, 10), range('weather', 4, 7), range('news.b', 20, 21)], more: false }
  const told = nextEvent(client, 'gap')
  peer.send({ kind: Kind.gap, payload: encode(gap) })
  t.deepEqual(await told, gap)
  t.deepEqual(heard, [
    ['news.>', { reason: 'overflow', count: 12, ranges: [gap.ranges[0], gap.ranges[2]], more: false }],
    ['weather', { reason: 'overflow', count: 4, ranges: [gap.ranges[1]], more: false }],
  ])
})

test('gap: where not all ranges are named, every subscription may have lost something', async t => {
  const { client, peer } = await scriptedClient(t)
  const heard: Gap[] = []
  client.subscribe('idle', { onGap: gap => heard.push(gap) })
  peer.ok(await peer.nextOf(Kind.subscribe))
  const told = nextEvent(client, 'gap')
  peer.send({ kind: Kind.gap, payload: encode({ reason: 'expired', count: 99, ranges: [range('news', 1, 2)], more: true }) })
  await told
  t.deepEqual(heard, [{ reason: 'expired', count: 0, ranges: [], more: true }])
})

test('gap: a listener that throws is an error event, and messages go on', async t => {
  const { client, peer } = await scriptedClient(t)
  const news = client.subscribe('news', {
    onGap: () => {
      throw new Error('the listener failed')
    },
  })
  peer.ok(await peer.nextOf(Kind.subscribe))
  const problem = nextEvent(client, 'error')
  peer.send({ kind: Kind.gap, payload: encode({ reason: 'overflow', count: 1, ranges: [range('news', 1, 1)], more: false }) })
  t.regex((await problem).message, /the listener failed/)
  peer.publish('news', 'next')
  t.deepEqual(await values(news, 1), ['next'])
})
