// NATS clients as the operator sees them, with the tools that show all others.

import { headers } from '@nats-io/transport-node'
import test from 'ava'
import { startBroker, startBrokerProcess } from '../support/broker.ts'
import { connectNats, subscribeNats, takeNats } from '../support/nats-client.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SENDER = '00f067aa0ba902b7'

test('nats observed: tree, connections, top and trace show NATS clients and what became of their messages', async t => {
  const broker = await startBrokerProcess(t)
  const { callboard } = broker
  const nats = await connectNats(t, broker.nats, { user: 'owner', pass: broker.token, name: 'my app' })
  const client = `my-app-${nats.info!.client_id}`
  const sdk = await broker.connect({ clientId: 'sdk' })
  await sdk.subscribe('orders.new', { onMessage: message => message.respond('taken') }).ready
  const inbox = await subscribeNats(nats, '_INBOX.mine')
  const sent = headers()
  sent.set('Nats-Msg-Id', 'order-1')
  nats.publish('orders.new', '{}', { headers: sent, reply: '_INBOX.mine' })
  t.is((await takeNats(inbox, 1))[0]!.string(), 'taken')

  t.regex((await callboard.run('tree')).stdout, new RegExp(`conn-\\d+ +run .*${client}, nats, 127\\.0\\.0\\.1:\\d+`))
  for (const group of ['ipc', 'gateway']) t.regex((await callboard.run(group, 'connections')).stdout, new RegExp(`conn-\\d+ +${client} +my app +owner +run +tcp, nats .* 1 +1 +1 +0 +0$`, 'm'))
  t.regex((await callboard.run('top', '--once', '--interval', '10ms')).stdout, new RegExp(`^connection +${client} `, 'm'))
  const shown = await callboard.run('trace', '--message-id', 'order-1')
  t.is(shown.exit, 0, shown.stderr)
  t.regex(shown.stdout, /request/)
  t.regex(shown.stdout, /response/)
  const [{ entries }] = (await callboard.json('trace', '--message-id', 'order-1')) as [{ entries: { kind: string; sender: string; subject: string; deliveries: { client: string; fate: string }[] }[] }]
  t.deepEqual(entries.map(({ kind, sender, subject, deliveries }) => [kind, sender, subject, deliveries.map(each => [each.client, each.fate])]), [
    ['request', client, 'orders.new', [['sdk', 'written']]],
    ['response', 'sdk', '_INBOX.mine', [[client, 'written']]],
  ])
  const [listed] = (await callboard.json('ipc', 'trace')) as [{ entries: unknown[] }]
  t.is(listed.entries.length, 2)
})

test('nats observed: one trace goes through a NATS client, the broker and a native agent, and back', async t => {
  const receiver = await OtlpReceiver.start(t)
  const broker = await startBroker(t, { config: { telemetry: { endpoint: receiver.endpoint } } })
  const nats = await connectNats(t, broker.nats, { user: 'owner', pass: broker.token, name: 'plain' })
  const agent = await broker.connect({ clientId: 'agent' })
  let forwarded: unknown
  await agent.subscribe('ask', {
    onMessage: async message => {
      forwarded = { ...message.headers }
      await message.respond('answer', { headers: { traceparent: String(message.headers!['traceparent']) } })
    },
  }).ready
  const sent = headers()
  sent.set('traceparent', `00-${TRACE}-${SENDER}-01`)
  sent.set('tracestate', 'vendor=x')
  const answer = await nats.request('ask', 'hi', { headers: sent, timeout: 20_000 })
  t.is(answer.string(), 'answer')
  t.is(answer.headers!.get('traceparent'), `00-${TRACE}-${SENDER}-01`)
  t.like(forwarded, { traceparent: `00-${TRACE}-${SENDER}-01`, tracestate: 'vendor=x' })

  const spans = await receiver.found(({ spans: all }) => {
    const ofTrace = all.filter(({ traceId }) => traceId === TRACE)
    // The request and its answer, each with route and deliver.
    return ofTrace.length >= 6 && ofTrace
  })
  const request = spans.find(({ name }) => name === 'request ask')!
  t.is(request.parentSpanId, SENDER)
  t.deepEqual(spans.filter(({ parentSpanId }) => parentSpanId === request.spanId).map(({ name }) => name).toSorted(), ['deliver ask', 'route ask'])
  const delivered = spans.find(({ name }) => name === 'deliver ask')!
  t.like(delivered.attributes, { 'callboard.receiver': 'agent', 'callboard.fate': 'written' })
  t.is(spans.filter(({ name }) => name.startsWith('response')).length, 1)

  // What is refused is in the trace as well.
  const rejected = headers()
  rejected.set('Traceparent', `00-${TRACE}-${SENDER}-01`)
  nats.publish('$CB.reply.x', '', { headers: rejected })
  nats.publish('$CB.nonsense', '', { headers: rejected })
  const [refused] = await receiver.spansNamed('publish $CB.nonsense')
  t.like(refused, { status: 2, parentSpanId: SENDER })
  t.is(refused!.attributes['error.type'], 'permission.denied')
})
