import test from 'ava'
import { createHmac } from 'node:crypto'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { signedParts } from '../../broker/wire/signature.ts'
import { codeOf, type NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig } from '../support/pipeline.ts'

/** A signed publish, as docs/protocol.md section 6 says. */
function signed(client: NativeClient, key: string): Uint8Array {
  const frame = encodeFrame({ kind: Kind.publish, id: client.nextId, flags: Flag.signed, subject: 'a', headers: { mid: 'x', sig: new Uint8Array(32) } })
  client.frame({ kind: Kind.publish })
  const parts = signedParts(frame, true)!
  const mac = createHmac('sha256', key)
  for (const part of parts.covered) mac.update(part)
  parts.signature.set(mac.digest())
  return frame
}

test('signatures: when they are asked for, only what is signed with the connection\'s key passes', t => {
  const rig = new PipelineRig({ ipc: { security: { validateSignature: true } } })
  const [client, receiver] = [rig.native(), rig.native()]
  receiver.subscribe(1, 'a')
  receiver.frames()
  client.link.arrive(signed(client, OWNER_TOKEN))
  t.deepEqual(client.frames(), [])
  client.link.arrive(signed(client, 'another'))
  const changed = signed(client, OWNER_TOKEN)
  changed[35] = 'b'.charCodeAt(0)
  client.link.arrive(changed)
  client.send({ kind: Kind.publish, subject: 'a', headers: { x: 1 } })
  t.deepEqual(client.frames().map(codeOf), ['auth.signature_invalid', 'auth.signature_invalid', 'auth.signature_missing'])
  t.is(receiver.messages().length, 1)
})

test('signatures: plain runs are refused once, with their count, and counted as rejected', t => {
  const rig = new PipelineRig({ ipc: { security: { validateSignature: true } } })
  const client = rig.native()
  client.link.arrive(Buffer.concat([client.frame({ kind: Kind.publish, subject: 'a' }), client.frame({ kind: Kind.publish, subject: 'a' })]))
  const frames = client.frames()
  t.is(frames.length, 1)
  t.like(frames[0]!.body, { code: 'auth.signature_missing', details: { count: 2 } })
  t.is(rig.core.accounts.totals().rejected, 2)
  client.send({ kind: Kind.publish, id: 1, subject: 'a' })
  t.deepEqual(client.frames().map(codeOf), ['frame.id_order'])
})
