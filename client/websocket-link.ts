// A link over the WebSocket of browsers and of Node 22 and later. Knows messages and close codes, no frames: what it is
// given to write is whole frames, and leaves as one message.
//
//   paused:  message ─▶ [message][message] ── resume() ─▶ handler       a WebSocket itself cannot be paused, so what
//                       └─ above 16 MiB: the link ends                  comes meanwhile is kept here, up to a bound

import { BrokerError, errorTable, type ErrorCode } from '../broker/ground/errors.ts'
import type { ClientLink, LinkHandler } from './link.ts'

/** Bytes that wait in the WebSocket above which the writer is told to wait. */
const HIGH_WATER_BYTES = 1024 * 1024
/** A WebSocket tells nobody when its buffer empties, so it is looked at this often. ms */
const DRAIN_LOOK_MS = 4
/** What may wait for a reader that has stopped. */
const MAX_UNREAD_BYTES = 16 * 1024 * 1024
/** RFC 6455 7.4.2: 4000 to 4999 are the application's; 4000 + n is error n of the table. */
const FIRST_CLOSE_CODE = 4000
const NORMAL_CLOSURE = 1000

/** True for what a WebSocket can be opened to; anything else is a path. `http:` means `ws:` here, as it does to browsers. */
export function isWebSocketUrl(address: string): boolean {
  return /^(?:ws|http)s?:/i.test(address)
}

/**
 * Opens a WebSocket to `url` (`ws:` or `wss:`).
 * @throws BrokerError `connect.websocket`, or what the broker's close code says; the signal's reason when it aborts
 */
export function openWebSocketLink(url: string, signal: AbortSignal): Promise<ClientLink> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const socket = newWebSocket(url)
    socket.binaryType = 'arraybuffer'
    const link = new WebSocketLink(socket)
    const end = (act: () => void): void => {
      signal.removeEventListener('abort', abort)
      socket.removeEventListener('open', open)
      socket.removeEventListener('close', refuse)
      act()
    }
    const abort = (): void => end(() => {
      socket.close()
      reject(signal.reason as Error)
    })
    const open = (): void => end(() => resolve(link))
    // The reason of a refused upgrade is kept from programs, so that pages cannot explore the user's network.
    const refuse = (event: CloseEvent): void => end(() => reject(closeProblem(event) ?? noConnection(url, 'nobody listens there, or the broker refused the page, the host or one more socket; its log says which (gateway.allowedOrigins, gateway.allowedHosts, gateway.limits)')))
    signal.addEventListener('abort', abort, { once: true })
    socket.addEventListener('open', open)
    socket.addEventListener('close', refuse)
  })
}

function newWebSocket(url: string): WebSocket {
  if (typeof WebSocket === 'undefined') throw noConnection(url, 'this Node has no WebSocket; use Node 22 or later, or the Unix socket')
  try {
    return new WebSocket(url)
  } catch (error) {
    throw noConnection(url, error instanceof Error ? error.message : String(error), error)
  }
}

function noConnection(url: string, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('connect.websocket', { url, problem }, { cause })
}

const codes = new Map(Object.entries(errorTable).map(([code, { close }]) => [FIRST_CLOSE_CODE + close, code as ErrorCode]))

/** The error that a close code names; undefined for an end without a reason of the broker's. */
export function closeProblem({ code, reason }: Pick<CloseEvent, 'code' | 'reason'>): Error | undefined {
  const known = codes.get(code)
  if (known !== undefined) return BrokerError.fromBody({ code: known, message: `${known}: the broker closed the WebSocket with ${code}${reason === '' || reason === known ? '' : ` (${reason})`}`, retryable: errorTable[known].retryable })
  if (code === NORMAL_CLOSURE) return undefined
  // 1006: there was no close frame, so there is nothing to tell.
  return code === 1006 ? undefined : new Error(`the WebSocket was closed with ${code}${reason === '' ? '' : ` (${reason})`}`)
}

class WebSocketLink implements ClientLink {
  readonly #socket: WebSocket
  #handler: LinkHandler | undefined
  #unread: Uint8Array[] = []
  #unreadBytes = 0
  #isPaused = false
  #isHanding = false
  #end: { readonly problem: Error | undefined } | undefined
  #isGone = false
  #look: ReturnType<typeof setTimeout> | undefined

  constructor(socket: WebSocket) {
    this.#socket = socket
    // From the start: the broker's greeting may come before anyone is attached.
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      // Text is for people and other dialects, such as the gateway's challenge to everyone.
      if (data instanceof ArrayBuffer) this.#received(new Uint8Array(data))
    })
    socket.addEventListener('close', event => this.#ended(closeProblem(event)))
  }

  get unsentBytes(): number {
    return this.#socket.bufferedAmount
  }

  attach(handler: LinkHandler): void {
    this.#handler = handler
    queueMicrotask(() => this.#handOn())
  }

  write(bytes: Uint8Array): boolean {
    // After the end it would only throw, or pile up where nobody sees it.
    if (this.#socket.readyState !== WebSocket.OPEN) return true
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>)
    if (this.#socket.bufferedAmount <= HIGH_WATER_BYTES) return true
    this.#look ??= setTimeout(() => this.#lookForDrain(), DRAIN_LOOK_MS)
    return false
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#handOn()
  }

  close(): void {
    this.#socket.close(NORMAL_CLOSURE)
    this.resume()
  }

  destroy(): void {
    this.#unread = []
    this.#isPaused = false
    this.#socket.close()
    // Its own close event waits for the other end, which may never answer.
    queueMicrotask(() => this.#ended(undefined))
  }

  #received(chunk: Uint8Array): void {
    if (this.#end !== undefined) return
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.length
    this.#handOn()
    if (this.#unreadBytes <= MAX_UNREAD_BYTES) return
    const problem = new BrokerError('client.unread_full', { unreadBytes: this.#unreadBytes, limitBytes: MAX_UNREAD_BYTES })
    this.destroy()
    this.#ended(problem)
  }

  #ended(problem: Error | undefined): void {
    this.#end ??= { problem }
    clearTimeout(this.#look)
    this.#handOn()
  }

  // In order: what was read first, the end last. A handler may pause while it is told.
  #handOn(): void {
    const handler = this.#handler
    if (handler === undefined || this.#isHanding || this.#isGone) return
    this.#isHanding = true
    let next = 0
    while (!this.#isPaused && next < this.#unread.length) {
      const chunk = this.#unread[next++]!
      this.#unreadBytes -= chunk.length
      handler.received(chunk)
    }
    this.#unread.splice(0, next)
    this.#isHanding = false
    if (this.#isPaused || this.#end === undefined || this.#unread.length > 0) return
    this.#isGone = true
    handler.closed(this.#end.problem)
  }

  #lookForDrain(): void {
    const isDrained = this.#socket.bufferedAmount === 0
    this.#look = isDrained ? undefined : setTimeout(() => this.#lookForDrain(), DRAIN_LOOK_MS)
    if (isDrained) this.#handler?.drained()
  }
}
