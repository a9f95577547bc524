import test from 'ava'
import { Kind } from '../../../../broker/ground/kind.ts'
import { Asked } from '../../../../broker/upstream/nats/asked.ts'
import { Outgoing } from '../../../../broker/upstream/nats/outgoing.ts'
import { encodeFrame } from '../../../../broker/wire/frame.ts'

const LIMITS = { maxPayloadBytes: 1_000_000, hasHeaders: true }
const names = { nameOf: (origin: number): string => `client-${origin}`, textId: (origin: number, id: number): string => `b.1.${origin}.${id}` }

/** The lines of the NATS protocol that a frame becomes, without headers and payload. */
function linesOf(frame: Parameters<typeof encodeFrame>[0], subjectOf: (subject: string) => string | undefined, asked = new Asked()): string[] {
  const outgoing = new Outgoing({ names, asked, subjectOf, loopback() {}, onProblem: problem => { throw problem } })
  const pieces: Uint8Array[] = []
  outgoing.write(encodeFrame(frame), pieces, LIMITS)
  return Buffer.concat(pieces).toString().split('\r\n').filter(line => /^H?PUB /.test(line)).map(line => line.split(' ').slice(1, -2).join(' '))
}

test('outgoing: a message to a client goes to the broker that has it now, or to nobody', t => {
  const publish = { kind: Kind.publish, origin: 3, id: 7, subject: '$CB.to.client.lamp-1', payload: new Uint8Array(4) }
  t.deepEqual(linesOf(publish, () => '$CB.bus.abc.to.client.lamp-1'), ['$CB.bus.abc.to.client.lamp-1'])
  t.deepEqual(linesOf(publish, () => undefined), ['$CB.bus.none.to.client.lamp-1'])
  t.deepEqual(linesOf({ ...publish, subject: 'hall.lights' }, () => undefined), ['hall.lights'])
})

test('outgoing: so does a request, whose answers come to this broker\'s inbox', t => {
  const asked = new Asked()
  const request = { kind: Kind.request, origin: 3, id: 7, to: 500, subject: '$CB.to.client.lamp-1', payload: new Uint8Array(0) }
  t.deepEqual(linesOf(request, () => undefined, asked), [`$CB.bus.none.to.client.lamp-1 ${asked.addressOf(3, 7)}`])
  t.deepEqual(asked.requestOf(asked.addressOf(3, 7)), { origin: 3, id: 7 })
})
