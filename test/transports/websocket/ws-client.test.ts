// Against the client of `ws`: two implementations that must agree, compressed and not.

import { once } from 'node:events'
import { promisify } from 'node:util'
import { constants, deflateRaw } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { WebSocket } from 'ws'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { BrokerError } from '../../../broker/ground/errors.ts'
import { Deflation, type DeflationOptions } from '../../../transports/websocket/deflation.ts'
import { handshakeResponse } from '../../../transports/websocket/handshake.ts'
import { outgoing } from '../../../transports/websocket/outgoing.ts'
import { WebSocketLink, type WebSocketKind } from '../../../transports/websocket/websocket-link.ts'

const compress = promisify(deflateRaw) as (bytes: Uint8Array, options: object) => Promise<Buffer>

interface Messages {
  readonly client: WebSocket
  /** Messages as the client got them back. */
  readonly next: () => Promise<Buffer>
  readonly deflated: number[]
}

/** A client of `ws` at a link that sends every message back. */
async function open(t: ExecutionContext, { deflates = false, maxFrameBytes = 0, maxMessageBytes = 4 * 1024 * 1024 } = {}): Promise<Messages> {
  const frames = outgoing(maxFrameBytes)
  const deflated: number[] = []
  const options: DeflationOptions = {
    outgoing: frames,
    maxFrameBytes,
    aboveBytes: 500,
    async deflate(bytes) {
      deflated.push(bytes.length)
      return (await compress(bytes, { finishFlush: constants.Z_SYNC_FLUSH })).subarray(0, -4)
    },
  }
  const kind: WebSocketKind = { outgoing: frames, maxFrameBytes, maxFirstMessageBytes: maxMessageBytes, isStream: false, links: new Set() }
  const server: Server = createServer().listen(0, '127.0.0.1')
  server.on('upgrade', (request, socket, first) => {
    const deflation = deflates ? Deflation.agree(request.headers['sec-websocket-extensions'], options) : undefined
    socket.write(handshakeResponse(request.headers['sec-websocket-key']!, deflation?.header))
    const link = new WebSocketLink(socket as Socket, { address: 'ws', pid: undefined, uid: undefined }, kind, undefined, deflation, first)
    const waiting: Uint8Array[] = []
    let parts: Uint8Array[] = []
    let isWriting = false
    const flush = (): void => {
      for (let message = waiting.shift(); message !== undefined; message = waiting.shift()) {
        const { wrap } = link
        isWriting = !link.write(wrap === undefined ? [message] : wrap([message]))
        if (isWriting) return
      }
    }
    link.attach({
      received(chunk, endsMessage) {
        parts.push(Buffer.from(chunk))
        if (!endsMessage) return
        waiting.push(Buffer.concat(link.framing === 'text' ? [...parts, Buffer.from('\n')] : parts))
        parts = []
        if (!isWriting) flush()
      },
      written() {
        isWriting = false
        flush()
      },
      ended: (problem?: BrokerError) => link.close(problem),
      closed: () => {},
    })
    // With compression only after that: before it nothing is inflated.
    if (deflates) link.admitted(maxMessageBytes)
    link.resume()
  })
  await once(server, 'listening')
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, { perMessageDeflate: deflates ? { threshold: 100 } : false })
  t.teardown(() => {
    client.terminate()
    server.close()
  })
  const got: Buffer[] = []
  const waiters: ((message: Buffer) => void)[] = []
  client.on('message', (data: Buffer) => {
    const waiter = waiters.shift()
    if (waiter === undefined) got.push(data)
    else waiter(data)
  })
  await once(client, 'open')
  const next = (): Promise<Buffer> => (got.length > 0 ? Promise.resolve(got.shift()!) : new Promise(resolve => waiters.push(resolve)))
  return { client, next, deflated }
}

const parts = fc.array(fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 400, max: 90_000 })), { minLength: 1, maxLength: 4 })

for (const deflates of [false, true]) {
  for (const maxFrameBytes of [0, 1000]) {
    test(`websocket and the client of ws: messages come back as they were${deflates ? ', compressed' : ''}${maxFrameBytes > 0 ? ', in frames of 1000 bytes' : ''}`, async t => {
      const { client, next, deflated } = await open(t, { deflates, maxFrameBytes })
      t.is(client.extensions, deflates ? 'permessage-deflate' : '')
      await fc.assert(
        fc.asyncProperty(fc.array(parts, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 250 }), async (messages, seed) => {
          const sent = messages.map(lengths => lengths.map(length => Buffer.from(Uint8Array.from({ length }, (_, i) => ((i * seed) >> 3) & 0xff))))
          for (const fragments of sent) fragments.forEach((fragment, i) => client.send(fragment, { fin: i === fragments.length - 1, binary: true }))
          client.ping('in between')
          for (const fragments of sent) t.true((await next()).equals(Buffer.concat(fragments)))
        }),
        { numRuns: 15 },
      )
      t.is(deflated.length > 0, deflates)
      t.true(deflated.every(length => length >= 500))
      client.close(3001, 'done')
      const [code] = (await once(client, 'close')) as [number]
      t.is(code, 3001)
    })
  }
}

test('websocket and the client of ws: a message that inflates past the limit ends with 1009', async t => {
  const { client } = await open(t, { deflates: true, maxMessageBytes: 100_000 })
  client.send(Buffer.alloc(100_001))
  const [code, reason] = (await once(client, 'close')) as [number, Buffer]
  t.deepEqual([code, String(reason)], [1009, 'websocket.too_large'])
})

test('websocket and the client of ws: text comes back, whatever is in it', async t => {
  const { client, next } = await open(t)
  for (const text of ['', 'plain', '{"a":"é"}', '\u{1f600}'.repeat(40_000)]) {
    client.send(text)
    t.is(String(await next()), text)
  }
})
