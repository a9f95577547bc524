// A NATS server that does what a test says: it lets clients in, and may then break every rule. No queues, no routing.

import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import type { Teardown } from './temporary-directory.ts'

export interface ScriptedClient {
  readonly socket: Socket
  /** Its CONNECT. */
  readonly connect: Readonly<Record<string, unknown>>
  /** `pattern` to sid, of its SUBs so far. */
  readonly subscriptions: ReadonlyMap<string, number>
}

export interface NatsScript {
  /** Instead of greeting: what is done with a socket that was just accepted. */
  readonly accepted?: (socket: Socket) => void
  /** A client was let in and has its first PONG. */
  readonly entered?: (client: ScriptedClient) => void
  /** It subscribed. */
  readonly subscribed?: (client: ScriptedClient, pattern: string, sid: number) => void
  /** False: PINGs are not answered any more. */
  readonly answers?: () => boolean
}

export interface ScriptedNatsServer {
  readonly url: string
  /** How many sockets have come. */
  readonly sockets: () => number
}

export async function scriptedNatsServer(t: Teardown, { accepted, entered, subscribed, answers = () => true }: NatsScript): Promise<ScriptedNatsServer> {
  const open = new Set<Socket>()
  let count = 0
  const server = createServer(socket => {
    count++
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => open.delete(socket))
    if (accepted !== undefined) return accepted(socket)
    socket.write('INFO {"server_id":"S1","server_name":"scripted","version":"2.9.10","headers":true,"max_payload":1048576}\r\n')
    serve(socket)
  })
  const serve = (socket: Socket): void => {
    let connect: Readonly<Record<string, unknown>> = {}
    const subscriptions = new Map<string, number>()
    let rest = ''
    let isIn = false
    socket.on('data', chunk => {
      const lines = (rest + chunk.toString('latin1')).split('\r\n')
      rest = lines.pop()!
      for (const line of lines) {
        const client = { socket, connect, subscriptions }
        if (line.startsWith('CONNECT ')) connect = JSON.parse(line.slice(8)) as typeof connect
        else if (line === 'PING' && answers()) {
          socket.write('PONG\r\n')
          if (!isIn) entered?.({ ...client, connect })
          isIn = true
        } else if (line.startsWith('SUB ')) {
          const words = line.split(' ')
          const [pattern, sid] = [words[1]!, Number(words.at(-1))]
          subscriptions.set(pattern, sid)
          subscribed?.(client, pattern, sid)
        }
      }
    })
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return { url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets: () => count }
}
