// What the gate hands on of a call to the health service, without a socket.

import { Metadata, type ServerInterceptingCallInterface } from '@grpc/grpc-js'
import test from 'ava'
import { Gate } from '../../grpc/gate.ts'

function handedOn(path: string, service: string): { readonly message: unknown; readonly limits: readonly number[] } {
  const gate = new Gate({ callerOf: () => undefined, isToken: () => false, healthNames: ['', 'known'] })
  const inner = { decoder: { maxReadMessageLength: 1e9 }, maxReceiveMessageSize: 1e9, start: (listener: { onReceiveMetadata(metadata: Metadata): void; onReceiveMessage(message: unknown): void }) => {
    listener.onReceiveMetadata(new Metadata())
    listener.onReceiveMessage({ service })
  } }
  const messages: unknown[] = []
  const call = gate.interceptor({ path } as never, inner as unknown as ServerInterceptingCallInterface)
  call.start({ onReceiveMetadata() {}, onReceiveMessage: (message: unknown) => void messages.push(message), onReceiveHalfClose() {}, onCancel() {} })
  return { message: messages[0], limits: [inner.decoder.maxReadMessageLength, inner.maxReceiveMessageSize] }
}

test('grpc gate: the library, which keeps every name that is watched, hears of those that there are and of one other', t => {
  t.deepEqual(handedOn('/grpc.health.v1.Health/Watch', 'known').message, { service: 'known' })
  t.deepEqual(handedOn('/grpc.health.v1.Health/Watch', 'a'), handedOn('/grpc.health.v1.Health/Watch', 'b'))
  t.deepEqual(handedOn('/grpc.health.v1.Health/Check', 'a').message, { service: 'a' })
  t.deepEqual(handedOn('/grpc.health.v1.Health/Check', 'a').limits, [8192, 8192])
})
