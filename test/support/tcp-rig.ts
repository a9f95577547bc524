// A TCP listener whose links echo what comes, and a client of it by hand.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { BrokerError, ErrorCode } from '../../broker/ground/errors.ts'
import type { Link } from '../../broker/ground/types.ts'
import type { Doorkeeper } from '../../transports/doorkeeper.ts'
import { TcpListener, type TcpListenerOptions } from '../../transports/tcp/tcp-listener.ts'
import { recordedLog, type RecordedLog } from './recorded-log.ts'
import type { Teardown } from './temporary-directory.ts'

export interface TcpRig {
  readonly listener: TcpListener
  readonly log: RecordedLog
  readonly links: Link[]
  /** Why links were to be ended, in the order of their ends; undefined: the other end did. */
  readonly endings: (BrokerError | undefined)[]
  /** Links that are gone, with what broke them. */
  readonly gone: (Error | undefined)[]
  readonly refused: [address: string, code: ErrorCode][]
  dial(): Promise<Socket>
}

const open: Doorkeeper = { admitted() {} }

/** Each link is greeted with `hello\r\n`; told why when it is to end. */
export async function openTcpRig(t: Teardown, options: Partial<TcpListenerOptions> = {}): Promise<TcpRig> {
  const log = recordedLog()
  const links: Link[] = []
  const endings: TcpRig['endings'] = []
  const gone: TcpRig['gone'] = []
  const refused: TcpRig['refused'] = []
  const onLink = (link: Link): void => {
    links.push(link)
    link.attach({
      received: chunk => void link.write([chunk]),
      written() {},
      ended(problem) {
        endings.push(problem)
        if (problem !== undefined) link.write([Buffer.from(`-ERR '${problem.code}'\r\n`)])
        link.close()
      },
      closed: problem => gone.push(problem),
    })
    link.write([Buffer.from('hello\r\n')])
    link.resume()
  }
  const listener = await TcpListener.open({ host: '127.0.0.1', port: 0, log, prepare() {}, tls: undefined, enter: () => open, onRefused: (...refusal) => refused.push(refusal), onLink, ...options })
  t.teardown(() => listener.close())
  t.teardown(() => links.forEach(link => link.destroy()))
  const dial = async (): Promise<Socket> => {
    const socket = connect(listener.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  return { listener, log, links, endings, gone, refused, dial }
}

/** Everything that comes on a socket until it ends. */
export function untilEnd(socket: Socket): Promise<string> {
  return text(socket)
}
