// Leases for tests: two who compete, on a clock that stands still until the test moves it; the servers are real.

import { LocalLeases } from '../../broker/registry/local-leases.ts'
import type { Leases } from '../../broker/ground/leases.ts'
import { KvBucket } from '../../broker/upstream/nats/kv-bucket.ts'
import { KvLeases, leaseBucket } from '../../broker/upstream/nats/kv-leases.ts'
import type { LeaseBucket } from '../../broker/upstream/nats/kv-lease.ts'
import { FakeClock } from './fake-clock.ts'
import { connectNats } from './nats-client.ts'
import { startNatsServer, type NatsServer } from './nats-server.ts'
import { recordedLog } from './recorded-log.ts'
import type { Teardown } from './temporary-directory.ts'
import { untilOpen } from './until-open.ts'
import { until } from './until.ts'

const STEP_MS = 500

/** Two of those who share leases; embedded there is one for all of a process, which is both. */
export interface LeaseRig {
  readonly first: Leases
  readonly second: Leases
  /** Lets time pass for both, and what is asked of servers come to its end. */
  readonly pass: (ms: number) => Promise<void>
}

export function localLeaseRig(): LeaseRig {
  const clock = new FakeClock()
  const leases = new LocalLeases(clock, 7)
  return { first: leases, second: leases, pass: (ms) => clock.advance(ms) }
}

/** A bucket that can be cut off, and that knows what is being asked. */
class CountedBucket implements LeaseBucket {
  readonly #bucket: LeaseBucket
  /** Questions without an answer yet. */
  open = 0
  /** Nothing reaches the servers. */
  isCut = false
  /** Writes are done, and their confirmations lost. */
  isDeaf = false

  constructor(bucket: LeaseBucket) {
    this.#bucket = bucket
  }

  get(key: string): ReturnType<LeaseBucket['get']> {
    return this.#ask(() => this.#bucket.get(key))
  }

  put(key: string, value: string, expected?: number, timeoutMs?: number): ReturnType<LeaseBucket['put']> {
    return this.#write(() => this.#bucket.put(key, value, expected, timeoutMs))
  }

  remove(key: string, expected?: number): ReturnType<LeaseBucket['remove']> {
    return this.#write(() => this.#bucket.remove(key, expected))
  }

  async #write<T>(writing: () => Promise<T>): Promise<T> {
    const written = await this.#ask(writing)
    if (this.isDeaf) throw new Error('no confirmation')
    return written
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.isCut) throw new Error('cut off')
    this.open++
    try {
      return await question()
    } finally {
      this.open--
    }
  }
}

export interface KvLeaseRig extends LeaseRig {
  readonly server: NatsServer
  readonly buckets: readonly [CountedBucket, CountedBucket]
  readonly clocks: readonly [FakeClock, FakeClock]
}

/** Two brokers' leases over a real server, each with a connection and a clock of its own. */
export async function kvLeaseRig(t: Teardown): Promise<KvLeaseRig> {
  const server = await startNatsServer(t, { jetStream: true })
  const clocks = [new FakeClock(), new FakeClock()] as const
  const make = async (clock: FakeClock, broker: string): Promise<[Leases, CountedBucket]> => {
    const connection = await connectNats(t, server.url)
    const bucket = new KvBucket(leaseBucket, clock)
    await untilOpen(() => bucket.open(connection))
    const counted = new CountedBucket(bucket)
    const leases = new KvLeases({ bucket: counted, broker, clock, log: recordedLog() })
    t.teardown(() => leases.close())
    return [leases, counted]
  }
  const [first, one] = await make(clocks[0], 'broker-one')
  const [second, two] = await make(clocks[1], 'broker-two')
  const buckets = [one, two] as const
  // In small steps: servers answer in their own time, not in that of the test.
  const pass = async (ms: number): Promise<void> => {
    for (let leftMs = ms; leftMs > 0; leftMs -= STEP_MS) {
      for (const clock of clocks) await clock.advance(Math.min(leftMs, STEP_MS))
      await until(() => buckets.every(({ open }) => open === 0))
      // What follows an answer follows in its turn.
      for (const clock of clocks) await clock.advance(0)
    }
  }
  return { first, second, pass, server, buckets, clocks }
}
