// A gRPC client of the service as users have one: grpc-js with the published proto file.

import { join } from 'node:path'
import { credentials, loadPackageDefinition, Metadata, type ChannelOptions, type Client, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader'
import type { Event } from '../../grpc/messages.ts'
import { MessageQueue } from '../../client/message-queue.ts'
import type { Teardown } from './temporary-directory.ts'

const options = { includeDirs: [join(import.meta.dirname, '../../proto')], longs: Number, enums: String, defaults: true, oneofs: true }
const definition = loadSync('callboard/v1/gateway.proto', options)
const rpc = loadSync('google/rpc/status.proto', options)
const { callboard } = loadPackageDefinition(definition) as unknown as { callboard: { v1: { GatewayService: new (address: string, how: object, options?: ChannelOptions) => Client } } }

interface ErrorInfo {
  readonly reason: string
  readonly domain: string
  readonly metadata: Readonly<Record<string, string>>
}

/** How a call ended; `code` is the broker's. */
export class GrpcFailure extends Error {
  readonly grpc: number
  readonly code: string
  /** ErrorInfo of `grpc-status-details-bin`. */
  readonly info: ErrorInfo | undefined
  readonly trailers: Metadata

  constructor(grpc: number, code: string, message = '', info?: ErrorInfo, trailers = new Metadata()) {
    super(message)
    this.grpc = grpc
    this.code = code
    this.info = info
    this.trailers = trailers
  }
}

export interface GrpcClientOptions {
  readonly token?: string
  readonly principal?: string
  readonly channel?: ChannelOptions
}

/** Unary calls and streams; closed when the test ends. */
export class GrpcClient {
  readonly #client: Client
  readonly #metadata: Readonly<Record<string, string>>

  /** `address`: `127.0.0.1:port` or `unix:/path`. */
  constructor(t: Teardown, address: string, { token, principal, channel = {} }: GrpcClientOptions = {}) {
    // A channel of its own: the library shares them between clients of one address.
    this.#client = new callboard.v1.GatewayService(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, ...channel })
    this.#metadata = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...(principal === undefined ? {} : { 'callboard-principal': principal }) }
    t.teardown(() => this.close())
  }

  close(): void {
    this.#client.close()
  }

  metadata(more: Readonly<Record<string, string | Buffer>> = {}): Metadata {
    const metadata = new Metadata()
    for (const [key, value] of Object.entries({ ...this.#metadata, ...more })) metadata.set(key, value)
    return metadata
  }

  /** One unary call; rejects with a GrpcFailure. */
  call<T = Record<string, unknown>>(method: 'RegisterAgent' | 'SendMessage' | 'HealthCheck', request: object, how: { readonly metadata?: Readonly<Record<string, string | Buffer>>; readonly deadlineMs?: number; readonly signal?: AbortSignal } = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      const made = this.#unary(method, request, this.metadata(how.metadata), how.deadlineMs === undefined ? {} : { deadline: Date.now() + how.deadlineMs }, (error, value) => (error === null ? resolve(value as T) : reject(failureOf(error))))
      how.signal?.addEventListener('abort', () => made.cancel(), { once: true })
    })
  }

  /** How a call fails: the code of the broker, or `resolved`. */
  failure(method: 'RegisterAgent' | 'SendMessage' | 'HealthCheck', request: object, how: Parameters<GrpcClient['call']>[2] = {}): Promise<GrpcFailure> {
    return this.call(method, request, how).then(() => new GrpcFailure(0, 'resolved'), (error: unknown) => error as GrpcFailure)
  }

  /** A stream whose subscription stands. */
  async subscribe(topic: object, more: Readonly<Record<string, string>> = {}): Promise<GrpcStream> {
    const stream = new GrpcStream((this.#client as unknown as { Subscribe(topic: object, metadata: Metadata): ClientReadableStream<Event> }).Subscribe(topic, this.metadata(more)))
    await stream.started
    return stream
  }

  #unary(method: string, request: object, metadata: Metadata, how: object, done: (error: ServiceError | null, value: unknown) => void): { cancel(): void } {
    const methods = this.#client as unknown as Readonly<Record<string, (request: object, metadata: Metadata, options: object, done: (error: ServiceError | null, value: unknown) => void) => { cancel(): void }>>
    return methods[method]!.call(this.#client, request, metadata, how, done)
  }
}

export class GrpcStream {
  readonly call: ClientReadableStream<Event>
  /** Its initial metadata; rejects with a GrpcFailure when it is refused. */
  readonly started: Promise<Metadata>
  /** How it ended. */
  readonly ended: Promise<GrpcFailure>
  readonly #events = new MessageQueue<Event>()

  constructor(call: ClientReadableStream<Event>) {
    this.call = call
    call.on('data', (event: Event) => this.#events.push(event))
    call.on('error', (error: ServiceError) => {
      this.#failure = failureOf(error)
    })
    // Not once(): that rejects with the error before its trailers are read.
    this.ended = new Promise(resolve => {
      call.on('close', () => {
        this.#events.end()
        resolve(this.#failure ?? new GrpcFailure(0, 'ok'))
      })
    })
    this.started = Promise.race([
      new Promise<Metadata>(resolve => void call.on('metadata', resolve)),
      this.ended.then(failure => Promise.reject(failure)),
    ])
    this.started.catch(() => {})
  }

  #failure: GrpcFailure | undefined

  /** The next event; fails when the stream ended first. */
  async next(): Promise<Event> {
    const { value } = await this.#events.next()
    if (value === undefined) throw new Error(`the stream ended: ${JSON.stringify(await this.ended)}`)
    return value
  }

  cancel(): void {
    this.call.cancel()
  }
}

function failureOf({ code, details, metadata }: ServiceError): GrpcFailure {
  const [bytes] = metadata.get('grpc-status-details-bin')
  const status = bytes === undefined ? undefined : (read('google.rpc.Status', bytes as Buffer) as { details: { value: Buffer }[] })
  const info = status?.details[0] === undefined ? undefined : (read('google.rpc.ErrorInfo', status.details[0].value) as ErrorInfo)
  return new GrpcFailure(code, String(metadata.get('callboard-code')[0] ?? ''), details, info, metadata)
}

function read(name: string, bytes: Buffer): object {
  return (rpc[name] as MessageTypeDefinition<object, object>).deserialize(bytes)
}
