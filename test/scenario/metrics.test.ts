// `/metrics` as Prometheus reads it: who may, and what stands there.

import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { join } from 'node:path'
import test from 'ava'
import { createBroker, defaultSettings } from '../../index.ts'
import { startBroker, type LocalBroker } from '../support/broker.ts'
import { reaches } from '../support/joined-brokers.ts'
import { connectNats, subscribeNats, takeNats } from '../support/nats-client.ts'
import { natsTest, startNatsServer } from '../support/nats-server.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

interface Answer {
  readonly status: number
  readonly type: string | undefined
  readonly challenge: string | undefined
  readonly body: string
}

async function broker(t: Teardown, telemetry: object, more: object = {}): Promise<{ broker: LocalBroker; get: (headers?: Record<string, string>) => Promise<Answer> }> {
  const local = await startBroker(t, { config: { telemetry, ...more } })
  const url = `${local.gateway.replace('ws:', 'http:')}metrics`
  const get = (headers: Record<string, string> = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      request(url, { headers }, response => {
        void text(response).then(body => resolve({ status: response.statusCode!, type: response.headers['content-type'], challenge: response.headers['www-authenticate'], body }))
      })
        .on('error', reject)
        .end()
    })
  return { broker: local, get }
}

const basic = (name: string, token: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${name}:${token}`).toString('base64')}` })
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` })

test('metrics: what is told is what was counted, and every line is of the exposition format', async t => {
  const agent = { name: 'lamp', command: 'node', args: [join(import.meta.dirname, '../support/obedient-agent.ts')] }
  const { broker: local, get } = await broker(t, { prometheus: true }, { channels: [{ name: 'weather' }], agents: [agent] })
  const [client, subscriber] = await Promise.all([local.connect(), local.native()])
  await subscriber.subscribe(1, 'weather.>')
  for (let i = 0; i < 5; i++) await client.publish('weather.berlin', i, { receipt: true })
  await client.publish('weather', 'unheard', { receipt: true })
  for (let i = 0; i < 5; i++) await subscriber.next()
  const { status, type, body } = await get()
  t.is(status, 200)
  t.is(type, 'text/plain; version=0.0.4; charset=utf-8')
  const lines = body.split('\n').filter(line => line !== '')
  for (const line of lines) t.regex(line, /^(?:# (?:HELP|TYPE|UNIT) [a-z][\w:]* .+|[a-z][\w:]*(?:\{(?:[a-z]\w*="(?:[^"\\]|\\.)*",?)*\})? (?:-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf|NaN))$/i)
  const declared = new Set(lines.flatMap(line => /^# TYPE (\S+)/.exec(line)?.[1] ?? []))
  t.is(declared.size, lines.filter(line => line.startsWith('# TYPE')).length, 'each is declared once')
  const value = (name: string, ...labels: string[]): number => {
    const line = lines.find(candidate => candidate.startsWith(`${name}{`) && labels.every(label => candidate.includes(label)) || candidate.startsWith(`${name} `))
    return Number(line?.split(' ').at(-1))
  }
  const weather = 'messaging_destination_name="weather"'
  t.is(value('messaging_client_sent_messages_total', weather), 6)
  t.is(value('messaging_client_consumed_messages_total', weather), 5)
  t.is(value('callboard_deliveries_total', weather), 6)
  t.is(value('callboard_deliveries_written_total', weather), 5)
  t.is(value('callboard_deliveries_dropped_total', weather, 'reason="no-interest"'), 1)
  t.is(value('callboard_deliveries_pending', weather), 0)
  t.true(value('callboard_connections', 'dialect="native"') >= 2)
  // None, unless the machine is so busy that the lamp gave up waiting for its broker.
  const [lamp] = (await client.call('agents')).agents
  t.is(value('callboard_agent_restarts_total', 'agent="lamp"'), lamp!.restarts)
  t.true(value('callboard_network_io_total', 'network_io_direction="receive"') > 0)
  t.true(value('callboard_delivery_duration_count') >= 1)
  t.is(value('callboard_delivery_duration_bucket', 'le="+Inf"'), value('callboard_delivery_duration_count'))
  t.true(value('process_memory_usage') > 1e6)
  t.true(declared.has('nodejs_eventloop_delay_p99'))
  t.true(value('callboard_recorder_runs_total') >= 6)
})

test('metrics: each queue tells how much waits, how old it is and what became of it', async t => {
  const { broker: local, get } = await broker(t, { prometheus: true }, { queue: { backend: 'memory' }, channels: [{ name: 'jobs', mode: 'queue' }] })
  const client = await local.connect()
  for (let i = 0; i < 3; i++) await client.publish('jobs', i, { receipt: true })
  const [message] = await client.fetch('jobs')
  await message!.ack()
  const valueOf = (body: string, name: string, ...labels: string[]): number | undefined => {
    const line = body.split('\n').find(candidate => candidate.startsWith(`${name}{`) && ['messaging_destination_name="jobs"', ...labels].every(label => candidate.includes(label)))
    return line === undefined ? undefined : Number(line.split(' ').at(-1))
  }
  // The broker looks at its queues once a second.
  let body = ''
  await until(async () => valueOf((body = (await get()).body), 'callboard_queue_events_total', 'event="acked"') === 1)
  t.is(valueOf(body, 'callboard_queue_events_total', 'event="stored"'), 3)
  t.is(valueOf(body, 'callboard_queue_messages', 'state="ready"'), 2)
  t.is(valueOf(body, 'callboard_queue_dead_letters'), 0)
  t.true(valueOf(body, 'callboard_queue_oldest_age')! > 0)
  const { series } = await client.call('history', { periodMs: 60_000, metrics: ['queue'], points: 1 })
  t.is(series.find(({ name }) => name === 'queue_messages_waiting')?.value, 2)
})

test('metrics: without the key there is no such path', async t => {
  t.is((await (await broker(t, {})).get()).status, 404)
})

test('metrics: where there is no gateway to serve them the log says so', async t => {
  const log = recordedLog()
  const { gateway, telemetry, ...others } = defaultSettings
  const local = await createBroker({ home: temporaryDirectory(t), log, settings: { ...others, gateway: { ...gateway, enabled: false }, telemetry: { ...telemetry, prometheus: true } } })
  await local.stop()
  t.true(log.records.some(({ level, text: said }) => level === 'warn' && said.includes('telemetry.prometheus is on')))
})

test('metrics: programs of this host read them without a token, with a wrong one nobody does', async t => {
  const { broker: local, get } = await broker(t, { prometheus: true })
  t.is((await get()).status, 200)
  t.is((await get(bearer(local.token))).status, 200)
  t.is((await get(bearer('not-the-token-at-all'))).status, 401)
  t.like(await get({ 'x-forwarded-for': '192.0.2.7' }), { status: 401, challenge: 'Bearer realm="callboard", Basic realm="callboard"' })
  t.is((await get({ forwarded: 'for=192.0.2.7', ...bearer(local.token) })).status, 200)
})

test('metrics: where a token is wanted it is the owner\'s, or that of a principal by its name', async t => {
  const { broker: local, get } = await broker(t, { prometheus: true, prometheusAccess: 'token' }, { principals: [{ name: 'prometheus', token: 'a-token-of-its-own' }] })
  t.is((await get()).status, 401)
  t.regex((await get()).body, /auth\.required/)
  t.is((await get(bearer(local.token))).status, 200)
  t.is((await get(basic('prometheus', 'a-token-of-its-own'))).status, 200)
  for (const wrong of [bearer(''), bearer('a-token-of-its-own'), basic('prometheus', local.token), basic('nobody', 'a-token-of-its-own'), { authorization: 'Basic ?' }, { authorization: local.token }]) {
    const { status, body } = await get(wrong)
    t.is(status, 401)
    t.false(body.includes(local.token))
  }
})

test('metrics: a page of another origin does not get them through a browser', async t => {
  const { get } = await broker(t, { prometheus: true })
  t.is((await get({ origin: 'https://evil.example' })).status, 403)
  t.is((await get({ host: 'evil.example' })).status, 403)
})

natsTest('metrics: a joined broker tells of its link, one that is alone has no such lines', async t => {
  const { url } = await startNatsServer(t)
  const [joined, alone] = await Promise.all([broker(t, { prometheus: true }, { bus: { nats: { servers: [url], pingInterval: '10s' } } }), broker(t, { prometheus: true })])
  const [client, far] = [await joined.broker.connect(), await connectNats(t, url)]
  await reaches(client, 'joined')
  const heard = await subscribeNats(far, 'news')
  await client.publish('news', 'x')
  await takeNats(heard, 1)
  // What is forwarded is what the server has confirmed.
  await until(async () => (await client.call('status')).bus?.forwarded === 1)
  const { body } = await joined.get()
  const value = (name: string): number => Number(new RegExp(`^callboard_bus_${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(body)?.[1])
  t.deepEqual(['joined', 'peers', 'held', 'forwarded_total', 'lost_down_total', 'lost_unknown_total', 'strays_total'].map(value), [1, 0, 0, 1, 0, 0, 0])
  t.true(value('rtt_seconds') > 0)
  t.deepEqual((await alone.get()).body.match(/^callboard_bus_\w+/gm), ['callboard_bus_joined'])
})
