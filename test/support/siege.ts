// A broker process under attack at its gateway, and those who have nothing to do with it: what they get is what counts.

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ExecutionContext } from 'ava'
import type { Client } from '../../client/index.ts'
import { startBrokerProcess, type BrokerProcess } from './broker.ts'
import { closed } from './closed.ts'
import { clientFrame, TEXT, type SentFrame } from './websocket-frames.ts'
import { upgradeRequest, WebSocketPeer } from './websocket-peer.ts'

const MIB = 1024 * 1024

/** A message of the gateway's dialect, as it came. */
type GatewayMessage = Readonly<Record<string, unknown>>

/** What a configuration file says. */
interface SiegeConfig {
  readonly network?: { readonly websocket?: object }
  readonly [block: string]: unknown
}

export class Siege {
  readonly broker: BrokerProcess
  /** On the Unix socket; answers requests on `mirror` with what they say. */
  readonly bystander: Client
  /** `host:port` of the gateway. */
  readonly host: string
  readonly port: number
  readonly #t: ExecutionContext
  readonly #residentBefore: number

  private constructor(t: ExecutionContext, broker: BrokerProcess, bystander: Client) {
    this.#t = t
    this.broker = broker
    this.bystander = bystander
    this.host = new URL(broker.gateway).host
    this.port = Number(new URL(broker.gateway).port)
    this.#residentBefore = broker.rssBytes()
  }

  static async begin(t: ExecutionContext, config: SiegeConfig = {}): Promise<Siege> {
    const broker = await startBrokerProcess(t, { config: withTimeForPeers(config) })
    const bystander = await broker.connect()
    await bystander.subscribe('mirror', { onMessage: message => message.respond(message.value) }).ready
    return new Siege(t, broker, bystander)
  }

  /** A socket to the gateway, nothing sent. From another address of this machine when one is named. */
  async socket(localAddress = '127.0.0.1'): Promise<Socket> {
    const socket = connect({ port: this.port, host: '127.0.0.1', localAddress, noDelay: true })
    socket.on('error', () => {})
    this.#t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return socket
  }

  /** What an HTTP request, byte by byte as given, is answered with: all that comes until the end. */
  async http(request: string | Uint8Array): Promise<string> {
    const socket = await this.socket()
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1')
      // A WebSocket would stay.
      if (answer.startsWith('HTTP/1.1 101')) socket.destroy()
    })
    const gone = closed(socket)
    socket.write(typeof request === 'string' ? Buffer.from(request, 'latin1') : request)
    await gone
    return answer
  }

  /** The request that opens a WebSocket, with other lines in place of some or beside them. */
  request(lines: readonly string[] = []): string {
    return upgradeRequest({ host: this.host, lines })
  }

  /** A WebSocket on which nothing was said. */
  async open(lines: readonly string[] = []): Promise<WebSocketPeer> {
    const peer = await WebSocketPeer.upgrade(this.#t, this.broker.gateway, lines)
    if (!peer.head.startsWith('HTTP/1.1 101 ')) throw new Error(`no upgrade: ${peer.head}`)
    return peer
  }

  /** A gateway client that was let in. */
  async guest(params: object = {}, lines: readonly string[] = []): Promise<WebSocketPeer> {
    const peer = await this.open(lines)
    await nonceOf(peer)
    say(peer, { type: 'connect', params: { auth: { token: this.broker.token }, ...params } })
    const answer = await heard(peer)
    if (answer['ok'] !== true) throw new Error(`not let in: ${JSON.stringify(answer)}`)
    return peer
  }

  /**
   * The siege is over, or goes on without effect: the bystander's own traffic passes, somebody new is let in, accounts hold, and the
   * process has grown by no more than `growthMib`.
   */
  async holds(growthMib = 96): Promise<void> {
    const t = this.#t
    t.is((await this.bystander.request('mirror', 'still here')).value, 'still here')
    const guest = await this.guest()
    say(guest, { type: 'req', id: 'q', method: 'ping' })
    t.like(await heard(guest), { type: 'res', id: 'q', ok: true })
    guest.socket.destroy()
    const stats = await this.bystander.call('stats')
    t.true(stats.balanced, JSON.stringify(stats))
    const grown = Math.round((this.broker.rssBytes() - this.#residentBefore) / MIB)
    t.true(grown <= growthMib, `the process grew by ${grown} MiB, ${growthMib} were allowed`)
  }

  /** Lines of the broker's log at level error. */
  async errors(): Promise<string[]> {
    const { stdout } = await this.broker.callboard.run('logs', '--level', 'error', '--json')
    return stdout.split('\n').filter(line => line !== '')
  }
}

// Peers by hand answer no pings: beside many others they would be cut off before their story ends.
function withTimeForPeers({ network = {}, ...config }: SiegeConfig): object {
  return { ...config, network: { ...network, websocket: { pingInterval: '10m', ...network.websocket } } }
}

/** Sends a message of text. */
export function say(peer: WebSocketPeer, message: unknown, frame: SentFrame = {}): void {
  peer.write(clientFrame({ opcode: TEXT, payload: typeof message === 'string' ? message : JSON.stringify(message), ...frame }))
}

/** The next message of text. */
export async function heard(peer: WebSocketPeer): Promise<GatewayMessage> {
  return JSON.parse((await peer.message()).toString('utf8')) as GatewayMessage
}

/** The nonce with which the broker greeted; called first. */
export async function nonceOf(peer: WebSocketPeer): Promise<string> {
  const { payload } = await heard(peer)
  return (payload as { nonce: string }).nonce
}

/** Everything that came as text until the connection ended, and how it ended. */
export async function untilTheEnd(peer: WebSocketPeer): Promise<{ readonly messages: GatewayMessage[]; readonly code: number; readonly reason: string }> {
  const messages: GatewayMessage[] = []
  for (;;) {
    const frame = await peer.next()
    if (frame === undefined) break
    if (frame.opcode === TEXT) messages.push(JSON.parse(frame.payload.toString('utf8')) as GatewayMessage)
  }
  return { messages, ...(await peer.ending()) }
}

/** The code of an error in a `res` or an event. */
export function codeIn(message: GatewayMessage | undefined): string {
  const { error, payload } = (message ?? {}) as { error?: { code?: string }; payload?: { code?: string } }
  return error?.code ?? payload?.code ?? `none in ${JSON.stringify(message)}`
}
