// Traces across processes: what a collector sees of messages whose sender wants them traced.

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { homePaths } from '../../broker/ground/home.ts'
import { startBroker, startBrokerProcess, type BrokerAccess } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { GatewayPeer } from '../support/gateway-peer.ts'
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.ts'
import { until } from '../support/until.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SENDER = '00f067aa0ba902b7'
const SAMPLED = { traceparent: `00-${TRACE}-${SENDER}-01`, tracestate: 'vendor=x' }
const script = join(import.meta.dirname, '../support/tracing-agent.ts')

const agent = (name: string, next: string): object => ({ name, command: 'node', args: [script], env: { NEXT: next } })

/** A third agent, in a process that the broker did not start. */
function startElsewhere(t: ExecutionContext, broker: BrokerAccess, name: string, endpoint: string, url: string): void {
  const child = spawn(process.execPath, [script], {
    env: { PATH: process.env['PATH'], AGENT_URL: url, AGENT_NAME: name, AGENT_TOKEN: broker.token, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SERVICE_NAME: name },
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
}

function spanOf(spans: readonly ReceivedSpan[], service: string, name: string): ReceivedSpan {
  const found = spans.filter(span => span.service === service && span.name === name)
  if (found.length !== 1) throw new Error(`${found.length} spans of ${service} are named ${name}`)
  return found[0]!
}

test('tracing: a request that crosses three agents is one trace', async t => {
  const receiver = await OtlpReceiver.start(t)
  const broker = await startBroker(t, { config: { telemetry: { endpoint: receiver.endpoint }, agents: [agent('first', 'second'), agent('second', 'third')] } })
  const client = await broker.connect()
  startElsewhere(t, broker, 'third', receiver.endpoint, broker.gateway)
  for (const name of ['first', 'second', 'third']) await until(async () => (await client.call('connections')).connections.some(connection => connection.agent === name))
  const { value } = await client.request('$CB.to.agent.first', [], { headers: SAMPLED })
  t.deepEqual(value, ['agent:first', 'agent:second', 'owner'])

  const spans = await receiver.found(({ spans: all }) => {
    const ofTrace = all.filter(({ traceId }) => traceId === TRACE)
    const has = (service: string, count: number): boolean => ofTrace.filter(span => span.service === service).length >= count
    // The broker: three requests and three answers, each with route and deliver.
    return has('first', 2) && has('second', 2) && has('third', 1) && has('callboard', 18) && ofTrace
  })
  t.is(receiver.spans.length, spans.length, 'and nothing else was traced')
  const [first, second, third] = ['first', 'second', 'third'].map(name => spanOf(spans, name, `process $CB.to.agent.${name}`)) as [ReceivedSpan, ReceivedSpan, ReceivedSpan]
  const [toSecond, toThird] = [spanOf(spans, 'first', 'request $CB.to.agent.second'), spanOf(spans, 'second', 'request $CB.to.agent.third')]
  t.deepEqual([first, toSecond, second, toThird, third].map(span => span.parentSpanId), [SENDER, first.spanId, toSecond.spanId, second.spanId, toThird.spanId])
  t.is(first.traceState, 'vendor=x')

  for (const [name, sender] of [['first', SENDER], ['second', toSecond.spanId], ['third', toThird.spanId]] as const) {
    const request = spanOf(spans, 'callboard', `request $CB.to.agent.${name}`)
    const [route, deliver] = ['route', 'deliver'].map(step => spanOf(spans.filter(span => span.parentSpanId === request.spanId), 'callboard', `${step} $CB.to.agent.${name}`)) as [ReceivedSpan, ReceivedSpan]
    t.is(request.parentSpanId, sender)
    t.is(deliver.attributes['callboard.fate'], 'written')
    t.true(request.start <= route.start && route.end <= deliver.end && deliver.end <= request.end)
  }
  // Each answer belongs to the span in which it was given.
  const answers = spans.filter(({ name, service }) => service === 'callboard' && name.startsWith('response '))
  t.deepEqual(answers.map(({ parentSpanId }) => parentSpanId).toSorted(), [first, second, third].map(({ spanId }) => spanId).toSorted())
})

test('tracing: what is refused, and what nobody gets, stands in spans and in lines of the log that are joined to them', async t => {
  const receiver = await OtlpReceiver.start(t)
  const broker = await startBrokerProcess(t, { config: { telemetry: { endpoint: receiver.endpoint } } })
  const client = await broker.connect()
  t.is(await errorCode(client.publish('$SYS.mine', 1, { headers: SAMPLED, receipt: true })), 'permission.denied')
  await client.publish('nobody.there', 1, { headers: SAMPLED, receipt: true })
  t.is(await errorCode(client.request('nobody.answers', 1, { headers: SAMPLED })), 'request.no_responders')
  t.is(await errorCode(client.publish('lied', 1, { headers: { ...SAMPLED, sender: 'somebody-else' }, receipt: true })), 'envelope.sender_mismatch')
  const [refused] = await receiver.spansNamed('publish $SYS.mine')
  const [unheard] = await receiver.spansNamed('publish nobody.there')
  const [unanswered] = await receiver.spansNamed('request nobody.answers')
  const [lied] = await receiver.spansNamed('publish lied')
  for (const span of [refused!, unheard!, unanswered!, lied!]) t.like(span, { status: 2, traceId: TRACE, parentSpanId: SENDER })
  t.deepEqual([refused!, unheard!, unanswered!, lied!].map(({ attributes }) => attributes['error.type']), ['permission.denied', 'dropped(no-interest)', 'dropped(no-interest)', 'envelope.sender_mismatch'])
  t.true(unheard!.end >= unheard!.start)
  const line = await receiver.found(({ logs }) => logs.find(({ attributes }) => attributes['code'] === 'permission.denied'))
  t.like(line, { traceId: TRACE, spanId: refused!.spanId, severity: 'INFO', body: 'a traced message was refused' })
})

test('tracing: what a receiver loses by leaving is an error in its delivery', async t => {
  const receiver = await OtlpReceiver.start(t)
  const broker = await startBrokerProcess(t, { config: { telemetry: { endpoint: receiver.endpoint } } })
  const [client, stuck] = await Promise.all([broker.connect(), broker.native({ client: 'stuck' })])
  await stuck.subscribe(1, 'flood')
  stuck.socket.pause()
  // More than the two kernels hold between them.
  for (let i = 0; i < 32; i++) await client.publish('flood', new Uint8Array(256 * 1024))
  await client.publish('flood', 'last', { headers: SAMPLED, receipt: true })
  stuck.socket.destroy()
  const [lost] = await receiver.spansNamed('deliver flood')
  t.like(lost!.attributes, { 'callboard.receiver': 'stuck', 'callboard.fate': 'dropped(link-down)', 'error.type': 'dropped(link-down)' })
  const [publish] = await receiver.spansNamed('publish flood')
  t.is(lost!.parentSpanId, publish!.spanId)
  t.is(publish!.attributes['callboard.fate.dropped(link-down)'], 1)
})

test('tracing: a collector that is gone, refuses or says nothing harms nobody', async t => {
  const receiver = await OtlpReceiver.start(t)
  for (const manner of ['refuse', 'hang'] as const) {
    receiver.manner = manner
    const broker = await startBrokerProcess(t, { config: { telemetry: { endpoint: receiver.endpoint } } })
    const client = await broker.connect()
    for (let i = 0; i < 100; i++) await client.publish('a', i, { headers: SAMPLED, receipt: true })
    await client.close()
    const before = performance.now()
    t.deepEqual(await broker.end('SIGTERM'), [0, null])
    t.true(performance.now() - before < 60_000, manner)
    const said = readFileSync(homePaths(broker.home).log, 'utf8').split('\n').filter(line => line.includes('telemetry cannot be sent'))
    // Once for each signal, and none of them when the end did not wait for it.
    t.deepEqual(new Set(said.map(line => (JSON.parse(line) as { signal: string }).signal)).size, said.length, manner)
    if (manner === 'refuse') t.true(said.length > 0)
  }
  const broker = await startBrokerProcess(t, { config: { telemetry: { endpoint: 'http://127.0.0.1:1' } } })
  await (await broker.connect()).publish('a', 1, { headers: SAMPLED, receipt: true })
  t.deepEqual(await broker.end('SIGTERM'), [0, null])
})

test('tracing: what an agent prints as JSON with the ids of its span is joined to it', async t => {
  const receiver = await OtlpReceiver.start(t)
  const obedient = { name: 'lamp', command: 'node', args: [join(import.meta.dirname, '../support/obedient-agent.ts')] }
  const broker = await startBrokerProcess(t, { config: { telemetry: { endpoint: receiver.endpoint }, agents: [obedient] } })
  const client = await broker.connect()
  await until(async () => (await errorCode(client.request('$CB.to.agent.lamp', { do: 'pid' }))) === 'resolved')
  await client.request('$CB.to.agent.lamp', { do: 'print', text: JSON.stringify({ level: 'warn', msg: 'flickering', trace_id: TRACE, span_id: SENDER, room: 7 }) })
  const line = await receiver.found(({ logs }) => logs.find(({ body }) => body === 'flickering'))
  t.like(line, { traceId: TRACE, spanId: SENDER, severity: 'WARN' })
  t.is(line.attributes['room'], 7)
  const { value } = await client.request('$CB.to.agent.lamp', { do: 'variable', text: 'OTEL_SERVICE_NAME' })
  t.is(value, 'lamp')
})

test('tracing: every dialect and transport passes the context on as it came', async t => {
  const broker = await startBroker(t)
  const native = await broker.native()
  const json = await broker.json()
  const gateway = await GatewayPeer.join(t, broker.gateway, broker.token, { deviceId: 'phone' })
  const [sdk, remote] = [await broker.connect(), await broker.connect({ url: broker.gateway, token: broker.token })]
  await native.subscribe(1, 'a.>')
  json.say({ type: 'subscribe', subject: 'a.>' })
  await json.nextOf('ok')
  gateway.say({ type: 'subscribe', id: 's', subject: 'a.>' })
  const heard: unknown[] = []
  await remote.subscribe('a.>', { onMessage: message => void heard.push(message.headers) }).ready
  const untilHeaders = async (next: () => Promise<Readonly<Record<string, unknown>>>): Promise<unknown> => {
    for (;;) {
      const { headers } = await next()
      if (headers !== undefined) return headers
    }
  }
  const ways: readonly (() => unknown)[] = [
    () => sdk.publish('a.sdk', 1, { headers: SAMPLED }),
    () => remote.publish('a.remote', 1, { headers: SAMPLED }),
    () => json.say({ type: 'event', subject: 'a.json', payload: 1, headers: SAMPLED }),
    () => gateway.say({ type: 'req', id: 'p', method: 'publish', params: { subject: 'a.gateway', payload: 1, headers: SAMPLED } }),
  ]
  for (const [i, send] of ways.entries()) {
    await send()
    t.like((await native.next()).headers, SAMPLED)
    t.like(await untilHeaders(() => json.next()), SAMPLED)
    t.like(await untilHeaders(() => gateway.next()), SAMPLED)
    await until(() => heard.length > i)
    t.like(heard[i], SAMPLED)
  }
})
