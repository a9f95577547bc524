import test from 'ava'
import { Flag, Kind } from '../../broker/ground/kind.ts'
import type { MessageTracer, TracedMessage } from '../../broker/ground/message-trace.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

interface Rig extends Pick<PipelineRig, 'turn'> {
  readonly rig: PipelineRig
  readonly accepted: TracedMessage[]
  /** What the traces were told, in order. */
  readonly told: (readonly unknown[])[]
}

function traced(): Rig {
  const accepted: TracedMessage[] = []
  const told: (readonly unknown[])[] = []
  const tracer: MessageTracer = {
    accepted(message) {
      accepted.push(message)
      return { routed: receivers => told.push(['routed', receivers]), refused: code => told.push(['refused', code]), settled: (receiver, fate) => told.push(['settled', receiver, fate]) }
    },
  }
  const rig = new PipelineRig({ tracer })
  return { rig, accepted, told, turn: () => rig.turn() }
}

const send = (client: NativeClient, kind: number, subject: string, headers: Record<string, unknown> | undefined, more: object = {}): number => client.send({ kind, subject, headers, payload: Uint8Array.of(1, 2, 3), ...more })

test('tracing: a message without a sampled traceparent never meets the tracer', t => {
  const { rig, accepted } = traced()
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, '>')
  for (const headers of [undefined, {}, { colour: 'green' }, { traceparent: TRACEPARENT.replace(/01$/, '00') }, { traceparent: 'nonsense' }, { traceparent: 7 }]) send(sender, Kind.publish, 'a', headers)
  sender.publish('a', Uint8Array.of(1))
  rig.turn()
  t.is(receiver.messages().length, 7)
  t.deepEqual(accepted, [])
})

test('tracing: a publish tells who sent what, how many get it, and each fate', t => {
  const { rig, accepted, told } = traced()
  const [sender, one, two] = [rig.native({ client: 'sender' }), rig.native(), rig.native()]
  for (const client of [one, two]) client.subscribe(1, 'a.*')
  const id = send(sender, Kind.publish, 'a.b', { traceparent: TRACEPARENT, tracestate: 'vendor=x' })
  rig.turn()
  const { receivedMicros, ...rest } = accepted[0]!
  t.deepEqual(rest, { traceparent: TRACEPARENT, tracestate: 'vendor=x', kind: Kind.publish, subject: 'a.b', id: `testhome.1.${sender.connection.number}.${id}`, client: 'sender', payloadBytes: 3 })
  t.is(receivedMicros, rig.clock.wallMicros())
  t.deepEqual(told, [['routed', 2], ['settled', one.connection.number, 'written'], ['settled', two.connection.number, 'written']])
})

test('tracing: members of groups, JSON clients and the wish for a receipt of fates change nothing of it', t => {
  const { rig, told } = traced()
  const [sender, member, json] = [rig.native(), rig.native(), rig.json()]
  member.subscribe(1, 'a', { group: 'g' })
  json.send({ type: 'subscribe', subject: 'a' })
  json.lines()
  send(sender, Kind.publish, 'a', { traceparent: TRACEPARENT, receipt: 'delivered' }, { flags: Flag.receipt })
  rig.turn()
  t.deepEqual(told[0], ['routed', 2])
  t.deepEqual(told.slice(1).map(String).toSorted(), [member, json].map(({ connection }) => `settled,${connection.number},written`).toSorted())
  t.like(sender.frames().find(({ kind }) => kind === Kind.receipt)?.body, { receivers: 2, written: 2 })
})

test('tracing: a request, its answer, and nobody there', t => {
  const { rig, accepted, told } = traced()
  const [asker, responder] = [rig.native(), rig.native()]
  responder.subscribe(1, 'ask')
  const id = send(asker, Kind.request, 'ask', { traceparent: TRACEPARENT })
  rig.turn()
  send(responder, Kind.response, 'ask', { traceparent: TRACEPARENT }, { to: asker.connection.number, ref: id })
  rig.turn()
  send(asker, Kind.request, 'nobody', { traceparent: TRACEPARENT })
  t.deepEqual(accepted.map(({ kind }) => kind), [Kind.request, Kind.response, Kind.request])
  t.deepEqual(told, [['routed', 1], ['settled', responder.connection.number, 'written'], ['routed', 1], ['settled', asker.connection.number, 'written'], ['routed', 0]])
})

test('tracing: a call of the broker\'s own methods is settled by the broker', t => {
  const { rig, told } = traced()
  send(rig.native(), Kind.request, '$CB.api.ping', { traceparent: TRACEPARENT })
  t.deepEqual(told, [['settled', 0, 'written'], ['routed', 1]])
})

test('tracing: every refusal is told, once, and to the message that it is about', t => {
  const { rig, told } = traced()
  const [sender, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'fine')
  rig.addPrincipal({ name: 'narrow', publish: { allow: ['fine'], deny: [] } }, 'narrow-token')
  const narrow = rig.native({ principal: 'narrow', auth: { token: 'narrow-token' } })
  send(narrow, Kind.publish, 'denied', { traceparent: TRACEPARENT })
  send(narrow, Kind.publish, 'denied', undefined)
  send(sender, Kind.publish, 'a', { traceparent: TRACEPARENT, sender: 'somebody-else' })
  send(sender, Kind.publish, 'no subject', { traceparent: TRACEPARENT })
  send(sender, Kind.response, 'a', { traceparent: TRACEPARENT }, { to: 999, ref: 1 })
  send(sender, Kind.response, 'a', undefined, { to: 999, ref: 1 })
  t.deepEqual(told, [['refused', 'permission.denied'], ['refused', 'envelope.sender_mismatch'], ['refused', 'subject.invalid'], ['refused', 'request.not_open']])
})

test('tracing: what waits for a receiver that goes is told', t => {
  const { rig, told } = traced()
  const [sender, stuck] = [rig.native(), rig.native()]
  stuck.subscribe(1, 'a')
  stuck.frames()
  send(sender, Kind.publish, 'a', { traceparent: TRACEPARENT })
  stuck.link.destroy()
  rig.turn()
  t.deepEqual(told, [['routed', 1], ['settled', stuck.connection.number, 'dropped(actor-gone)']])
})
