// Calls and a stream against one server, timed by that server's CPU and by the clock.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { credentials, makeGenericClientConstructor, Metadata, type Client, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js'
import { cpuSeconds } from '../measure/cpu.ts'
import { gatewayDefinition } from './definition.ts'

export interface Rate {
  /** Per second of the clock. */
  readonly wall: number
  /** Per second of the server's CPU. */
  readonly cpu: number
}

export interface LoadTarget {
  readonly address: string
  readonly pid: number
  /** Presented with each call; undefined: none is asked for. */
  readonly credential: { readonly principal: string; readonly token: string } | undefined
}

const SUBJECT = 'bench.grpc'
const PAYLOAD_BYTES = 100
/** Not counted, whichever comes last: the compiler has seen so many, so much time is over. */
const WARM_COUNT = 5000
const WARM_MS = 1000
const MAX_WARM_MS = 10_000

interface SendResult {
  readonly messageId: string
}

type GatewayClient = Client & {
  SendMessage(message: object, metadata: Metadata, done: (error: ServiceError | null, result: SendResult) => void): void
  Subscribe(topic: object, metadata: Metadata): ClientReadableStream<{ readonly payload: Buffer }>
}

/** So many calls of SendMessage under way on one channel, for a while. @throws Error when one fails or says nothing */
export async function unaryRate(target: LoadTarget, inFlight: number, windowMs: number): Promise<Rate> {
  const client = connect(target)
  const metadata = metadataOf(target)
  const message = { subject: SUBJECT, payload: Buffer.alloc(PAYLOAD_BYTES, 'x') }
  let done = 0
  const over = new AbortController()
  const caller = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const { messageId } = await new Promise<SendResult>((resolve, reject) => client.SendMessage(message, metadata, (error, result) => (error === null ? resolve(result) : reject(error))))
      if (messageId === '') throw new Error('a call was answered without an id')
      done++
    }
  }
  const callers = Promise.all(Array.from({ length: inFlight }, caller))
  const rate = await measured(target.pid, windowMs, () => done, callers)
  over.abort()
  await callers
  client.close()
  return rate
}

/** What a stream brings; `feed` has the server's other end sent to until it is told to stop. */
export async function streamRate(target: LoadTarget, windowMs: number, feed: (subject: string, isOver: () => boolean, got: () => number) => Promise<void>): Promise<Rate> {
  const client = connect(target)
  const stream = client.Subscribe({ subject: SUBJECT }, metadataOf(target))
  let got = 0
  let isOver = false
  const failed = new Promise<never>((_, reject) => void stream.on('error', (error: Error) => (isOver ? undefined : reject(error))))
  stream.on('data', ({ payload }: { readonly payload: Buffer }) => {
    if (payload.length !== PAYLOAD_BYTES) stream.destroy(new Error('an event has another payload'))
    got++
  })
  await Promise.race([once(stream, 'metadata'), failed])
  const feeding = feed(SUBJECT, () => isOver, () => got)
  // A server that feeds itself is fed at once.
  const trouble = Promise.race([failed, feeding.then(() => failed)])
  const rate = await measured(target.pid, windowMs, () => got, trouble)
  isOver = true
  await feeding
  stream.cancel()
  client.close()
  return rate
}

async function measured(pid: number, windowMs: number, count: () => number, trouble: Promise<unknown>): Promise<Rate> {
  const from = performance.now()
  // A smoke run has no figures.
  const isWarm = (): boolean => windowMs < WARM_MS || performance.now() - from > (count() < WARM_COUNT ? MAX_WARM_MS : WARM_MS)
  while (!isWarm()) await Promise.race([sleep(100), trouble])
  const [began, cpuBefore, before] = [performance.now(), cpuSeconds(pid), count()]
  await Promise.race([sleep(windowMs), trouble])
  const [cpu, seconds, made] = [cpuSeconds(pid) - cpuBefore, (performance.now() - began) / 1000, count() - before]
  return { wall: made / seconds, cpu: made / cpu }
}

function connect({ address }: LoadTarget): GatewayClient {
  const Gateway = makeGenericClientConstructor(gatewayDefinition(), 'GatewayService')
  return new Gateway(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }) as unknown as GatewayClient
}

function metadataOf({ credential }: LoadTarget): Metadata {
  const metadata = new Metadata()
  if (credential === undefined) return metadata
  metadata.set('authorization', `Bearer ${credential.token}`)
  metadata.set('callboard-principal', credential.principal)
  return metadata
}
