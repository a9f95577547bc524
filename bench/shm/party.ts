// One process of the measurement: `sender` hands payloads on, one after the other; a `receiver` says when it has each.

import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Client, type Message } from '../../client/index.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import { cpuSeconds } from '../measure/cpu.ts'
import { Borrower, Lender, type Reference, type Way } from './payload-ways.ts'

/** What a sender is asked for. */
export interface Order {
  readonly way: Way
  readonly bytes: number
  readonly receivers: number
  readonly windowMs: number
  /** Whose CPU counts. */
  readonly pids: readonly number[]
}

export interface Outcome {
  readonly payloads: number
  readonly p50Ms: number
  /** CPU of all processes for one payload. ms */
  readonly cpuMs: number
}

const SUBJECT = 'bench.shm.payload'
const SHARED = 'bench.shm.shared'
const GOT = 'bench.shm.got'
/** A message has 15 MiB at most: what is more goes in pieces. */
const PIECE_BYTES = 8 * 1024 * 1024
const WARM_COUNT = 5
const MARK_BYTES = 4

const [role, home = '', directory = ''] = process.argv.slice(2)
const open = async (sharedMemory: boolean): Promise<Client> => {
  const client = await connect({ home, program: `bench-${role}`, agent: false, connectTimeoutMs: 30_000, sharedMemory })
  client.on('error', error => {
    throw error
  })
  return client
}
const [plain, sharing] = [await open(false), await open(true)]
if (role === 'sender') await send(plain, sharing, new Lender(directory))
else for (const [client, subject] of [[plain, SUBJECT], [sharing, SHARED]] as const) await receive(client, subject, new Borrower())
process.send!('ready')

async function send(client: Client, sharing: Client, lender: Lender): Promise<void> {
  let missing = 0
  let done = (): void => {}
  await client.subscribe(GOT, { onMessage: () => void (--missing === 0 && done()) }).ready
  const handOver = async (payload: Buffer, { way, receivers }: Order): Promise<void> => {
    missing = receivers
    const everybody = new Promise<void>(resolve => (done = resolve))
    const [sender, subject] = way === 'shared' ? [sharing, SHARED] : [client, SUBJECT]
    if (way === 'frames' || way === 'shared') for (let at = 0; at < payload.length; at += PIECE_BYTES) await sender.publish(subject, payload.subarray(at, at + PIECE_BYTES), { headers: { of: payload.length } })
    else {
      const reference = lender.lend(way, payload)
      await client.publish(SUBJECT, reference)
      await everybody
      return lender.takeBack(reference)
    }
    await everybody
  }
  process.on('message', (order: Order) => void measure(order, handOver).then(outcome => process.send!(outcome)))
}

async function measure(order: Order, handOver: (payload: Buffer, order: Order) => Promise<void>): Promise<Outcome> {
  const payload = Buffer.alloc(order.bytes, 'callboard ')
  let count = 0
  const next = (): Promise<void> => {
    // The first and the last bytes say which one it is: whoever hands on an older one is found out.
    payload.writeUInt32BE(++count, 0)
    payload.writeUInt32BE(count, payload.length - MARK_BYTES)
    return handOver(payload, order)
  }
  for (let i = 0; i < WARM_COUNT; i++) await next()
  const cpu = (): number => order.pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)
  const took: number[] = []
  const [cpuBefore, began] = [cpu(), performance.now()]
  while (performance.now() - began < order.windowMs || took.length < WARM_COUNT) {
    const from = performance.now()
    await next()
    took.push(performance.now() - from)
  }
  // Ticks of 10 ms are booked late.
  await sleep(20)
  const used = cpu() - cpuBefore
  took.sort((a, b) => a - b)
  return { payloads: took.length, p50Ms: took[took.length >> 1]!, cpuMs: (used * 1000) / took.length }
}

async function receive(client: Client, subject: string, borrower: Borrower): Promise<void> {
  let last = 0
  let pieces: Uint8Array[] = []
  let waiting = 0
  const got = (payload: Uint8Array): void => {
    const view = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    const [first, end] = [view.readUInt32BE(0), view.readUInt32BE(view.length - MARK_BYTES)]
    if (first !== end || (first !== last + 1 && first !== 1)) throw new Error(`payload ${first}..${end} came after ${last}`)
    last = first
    void client.publish(GOT, null)
  }
  await client.subscribe(subject, {
    onMessage: (message: Message) => {
      if (message.payloadType !== PayloadType.bytes) return got(borrower.borrow(message.value as Reference))
      const of = message.headers?.['of'] as number
      if (message.payload.length === of) return got(message.payload)
      pieces.push(message.payload)
      waiting += message.payload.length
      if (waiting < of) return
      const whole = Buffer.concat(pieces, of)
      ;[pieces, waiting] = [[], 0]
      got(whole)
    },
  }).ready
}
