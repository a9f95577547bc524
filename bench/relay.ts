// The limit: a process that forwards Callboard frames and does nothing else a broker does. Knows no rights, no limits,
// no patterns, no accounting; run as `node bench/relay.ts unix:PATH` by the bench.

import { createServer, type Socket } from 'node:net'
import { decode, encode } from '@msgpack/msgpack'
import { decodeFrame, encodeFrame } from '../broker/wire/frame.ts'
import { Kind } from '../broker/wire/layout.ts'
import { Ingress, type Directory } from './relay/ingress.ts'
import { Lane, Outbound } from './relay/lane.ts'
import { Port } from './relay/port.ts'

const address = process.argv[2]
if (!address?.startsWith('unix:')) throw new Error('usage: node bench/relay.ts unix:PATH')

const subjects = new Map<string, Lane>()
const origins = new Map<number, Lane>()
const ingresses = new Set<Ingress>()
const outbound = new Outbound()
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
  own.ports.push(port)
  origins.set(origin, own)

  function control(bytes: Uint8Array, start: number, end: number): void {
    const frame = decodeFrame(bytes, start, end)
    if (frame.kind === Kind.hello) socket.write(encodeFrame({ kind: Kind.welcome, payload: encode({ protocol: 1, origin }) }))
    else if (frame.kind === Kind.subscribe) {
      subscribe(socket, port, (decode(frame.payload) as { pattern: string }).pattern)
      socket.write(encodeFrame({ kind: Kind.ok, ref: frame.id }))
    }
  }

  const ingress = new Ingress(origin, directory, outbound, control)
  ingresses.add(ingress)
  socket.on('data', chunk => {
    ingress.receive(chunk)
    outbound.lend(chunk)
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    origins.delete(origin)
    ingresses.delete(ingress)
  })
}

createServer(accept).listen({ path: address.slice('unix:'.length), backlog: 4096 })
process.on('SIGTERM', () => process.exit(0))
