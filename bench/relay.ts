// The limit: a process that forwards Callboard frames and does nothing else a broker does. Knows no rights, no limits,
// no patterns, no accounting; run as `node bench/relay.ts unix:PATH` or `ws:PORT` by the bench.

import { createServer, type Socket } from 'node:net'
import { decode, encode } from '@msgpack/msgpack'
import { decodeFrame, encodeFrame } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { Ingress, type Directory } from './relay/ingress.ts'
import { Lane, Outbound } from './relay/lane.ts'
import { Port } from './relay/port.ts'
import { binaryMessage, webSocketReader } from './relay/websocket.ts'

const address = process.argv[2]
if (address === undefined || !/^(unix|ws):/.test(address)) throw new Error('usage: node bench/relay.ts unix:PATH|ws:PORT')
const isWebSocket = address.startsWith('ws:')
const at = address.slice(address.indexOf(':') + 1)

const subjects = new Map<string, Lane>()
const origins = new Map<number, Lane>()
const ingresses = new Set<Ingress>()
const outbound = new Outbound(isWebSocket)
const directory: Directory = { bySubject: subject => subjects.get(subject), byOrigin: origin => origins.get(origin) }
let lastOrigin = 0

function subscribe(socket: Socket, port: Port, pattern: string): void {
  const lane = subjects.get(pattern) ?? new Lane()
  subjects.set(pattern, lane)
  lane.ports.push(port)
  for (const ingress of ingresses) ingress.forget()
  socket.once('close', () => lane.ports.splice(lane.ports.indexOf(port), 1))
}

function accept(socket: Socket): void {
  const origin = ++lastOrigin
  const own = new Lane()
  const port = new Port(socket)
  const send = (frame: Uint8Array): boolean => socket.write(isWebSocket ? binaryMessage(frame) : frame)
  own.ports.push(port)
  origins.set(origin, own)

  function control(bytes: Uint8Array, start: number, end: number): void {
    const frame = decodeFrame(bytes, start, end)
    if (frame.kind === Kind.hello) send(encodeFrame({ kind: Kind.welcome, payload: encode({ protocol: 1, origin }) }))
    else if (frame.kind === Kind.subscribe) {
      subscribe(socket, port, (decode(frame.payload) as { pattern: string }).pattern)
      send(encodeFrame({ kind: Kind.ok, ref: frame.id }))
    }
  }

  const ingress = new Ingress(origin, directory, outbound, control)
  ingresses.add(ingress)
  const receive = isWebSocket ? webSocketReader(socket, stretch => ingress.receive(stretch)) : (chunk: Uint8Array): void => ingress.receive(chunk)
  socket.on('data', chunk => {
    receive(chunk)
    outbound.lend(chunk)
  })
  if (isWebSocket) socket.setNoDelay(true)
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    origins.delete(origin)
    ingresses.delete(ingress)
  })
}

createServer(accept).listen({ ...(isWebSocket ? { port: Number(at), host: '127.0.0.1' } : { path: at }), backlog: 4096 })
process.on('SIGTERM', () => process.exit(0))
