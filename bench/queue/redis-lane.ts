// Redis Streams by ioredis: XADD with automatic pipelining, XREADGROUP, one XACK for what a read brought.

import { Redis } from 'ioredis'
import { OUTSTANDING, QUEUE, type LaneTarget } from './job.ts'
import type { Lane } from './lane.ts'

const GROUP = 'workers'
const BLOCK_MS = 100

type Entry = [id: Buffer, fields: Buffer[]]

export async function openRedisLane({ path }: Extract<LaneTarget, { kind: 'redis' }>): Promise<Lane> {
  const publisher = new Redis({ path, enableAutoPipelining: true })
  const [reader, acker] = [new Redis({ path }), new Redis({ path })]
  await publisher.xgroup('CREATE', QUEUE, GROUP, '0', 'MKSTREAM')
  return {
    publish: payload => publisher.xadd(QUEUE, '*', 'm', payload as Buffer),
    consume: (take, failed) => {
      const acks = new Set<Promise<unknown>>()
      const over = new AbortController()
      const read = async (): Promise<void> => {
        while (!over.signal.aborted) {
          const answer = (await reader.xreadgroupBuffer('GROUP', GROUP, 'one', 'COUNT', OUTSTANDING, 'BLOCK', BLOCK_MS, 'STREAMS', QUEUE, '>')) as [Buffer, Entry[]][] | null
          const entries = answer?.[0]?.[1] ?? []
          for (const [, fields] of entries) take(fields[1]!)
          if (entries.length === 0) continue
          // Not waited for: the next read goes on meanwhile.
          const ack: Promise<unknown> = acker.xack(QUEUE, GROUP, ...entries.map(([id]) => id)).then(() => acks.delete(ack), failed)
          acks.add(ack)
        }
      }
      const reading = read().catch(failed)
      return Promise.resolve({
        settled: () => Promise.all(acks),
        stop: () => {
          over.abort()
          return reading
        },
      })
    },
    left: async () => {
      const [[, , , , , pending = 0, , , , , , lag] = []] = (await publisher.xinfo('GROUPS', QUEUE)) as (string | number | null)[][]
      return Number(pending) + Number(lag ?? 0)
    },
    close: () => {
      for (const client of [publisher, reader, acker]) client.disconnect()
      return Promise.resolve()
    },
  }
}
