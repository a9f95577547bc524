// The relay's WebSocket side, on the broker's own receiving code, so that what differs is what a broker does besides.

import type { Socket } from 'node:net'
import { FIN, Opcode, sentHeaderBytes, writeHeader } from '../../transports/websocket/frame-header.ts'
import { FrameReader } from '../../transports/websocket/frame-reader.ts'
import { handshakeResponse } from '../../transports/websocket/handshake.ts'

const MAX_MESSAGE_BYTES = 2 ** 24
const HEAD_END = Buffer.from('\r\n\r\n')

/** Upgrades the socket with its first chunks; of those behind it hands on what stands in binary messages. */
export function webSocketReader(socket: Socket, onBinary: (stretch: Uint8Array) => void): (chunk: Uint8Array) => void {
  const reader = new FrameReader(
    {
      isOpen: true,
      binary: onBinary,
      // The load says nothing else that matters before it closes.
      frame: bytes => void ((bytes[0]! & 0x0f) === Opcode.close && socket.end()),
      failed: error => socket.destroy(error),
    },
    MAX_MESSAGE_BYTES,
  )
  reader.isMerging = true
  let request: Buffer | undefined = Buffer.alloc(0)
  return chunk => {
    if (request === undefined) return reader.read(chunk)
    request = Buffer.concat([request, chunk])
    const end = request.indexOf(HEAD_END)
    if (end < 0) return
    const key = /^sec-websocket-key: *(.*?) *$/im.exec(request.toString('latin1', 0, end))?.[1]
    if (key === undefined) return void socket.destroy()
    socket.write(handshakeResponse(key, undefined))
    const behind = Uint8Array.from(request.subarray(end + HEAD_END.length))
    request = undefined
    if (behind.length > 0) reader.read(behind)
  }
}

/** A whole binary message with these bytes. */
export function binaryMessage(bytes: Uint8Array): Uint8Array {
  const message = new Uint8Array(sentHeaderBytes(bytes.length) + bytes.length)
  message.set(bytes, writeHeader(message, 0, FIN | Opcode.binary, bytes.length))
  return message
}
