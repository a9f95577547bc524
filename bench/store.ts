// The embedded store alone, without sockets and protocol: what its thread and the way to it can do.
//
//   node bench/store.ts append|cycle|backlog [--outstanding 1000] [--durability fsync|os|memory] [--backend embedded|memory] [--seconds 5] [--bytes 200] [--messages 1000000]
//
// append: as many appends under way as `--outstanding` says. cycle: each message is leased and acked as well. backlog: `--messages` are
// stored, the process that has them on lease ends by kill -9, and another one opens the store and consumes.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { defaultQueue, defaultStore, type Durability } from '../broker/ground/store-settings.ts'
import type { QueueStore, StoredQueue } from '../broker/ground/store.ts'
import type { Log } from '../broker/ground/types.ts'
import { openEmbedded } from '../broker/store/embedded/open.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    outstanding: { type: 'string', default: '1000' }, durability: { type: 'string', default: 'fsync' }, backend: { type: 'string', default: 'embedded' },
    seconds: { type: 'string', default: '5' }, bytes: { type: 'string', default: '200' }, messages: { type: 'string', default: '1000000' }, directory: { type: 'string' }, fill: { type: 'boolean', default: false },
  },
})
const what = positionals[0] ?? 'append'
const outstanding = Number(values.outstanding)
const durability = values.durability as Durability
const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'cb-bench-'))

const warn = (_: object, text: string): void => console.error(text)
const log: Log = { debug() {}, info() {}, warn, error: warn, child: () => log }
const frame = Buffer.alloc(Number(values.bytes) + 40, 7)
frame.writeUInt32BE(frame.length - 4)

let stored = 0
let acked = 0
const over = new AbortController()
const latenciesMs: number[] = []

async function open(): Promise<{ store: QueueStore; queue: StoredQueue }> {
  const store = await openEmbedded({ settings: { ...defaultStore, backend: values.backend as 'embedded' | 'memory' }, directory, log, broker: 'bench' })
  const queue: StoredQueue = await store.open('jobs', { ...defaultQueue, durability, maxMessages: 0, maxBytes: 0, maxAckPending: 100_000 }, {
    leased: (messages) => {
      const acks = messages.map(({ position, attempt }) => ({ position, attempt, verdict: 'ack' as const }))
      queue.settle(acks, ({ error }) => {
        if (error === undefined) acked += acks.length
        if (!over.signal.aborted) queue.demand(acks.length)
      })
    },
    happened() {},
    stateChanged: (problem) => problem && console.error(problem.message),
  })
  return { store, queue }
}

/** Resolves when it is stored. */
function append(queue: StoredQueue, bytes: Uint8Array, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const watch = {
      stored: (_: number, many: number) => {
        stored += many
        resolve()
      },
      dropped() {},
      refused: (_: number, error: Error) => reject(error),
    }
    queue.append({ bytes, start: 0, end: bytes.length, count, messageId: undefined, session: undefined, sequence: 0, dueAtMs: 0, expiresAtMs: 0, durability, watch })
  })
}

async function publish(queue: StoredQueue): Promise<void> {
  while (!over.signal.aborted) {
    const startedMs = performance.now()
    await append(queue, frame, 1)
    if (stored % 32 === 0) latenciesMs.push(performance.now() - startedMs)
  }
}

async function measure(run: () => Promise<unknown>): Promise<void> {
  const startedMs = performance.now()
  const cpu = process.cpuUsage()
  const timer = setTimeout(() => over.abort(), Number(values.seconds) * 1000)
  await run()
  clearTimeout(timer)
  const seconds = (performance.now() - startedMs) / 1000
  const { user, system } = process.cpuUsage(cpu)
  latenciesMs.sort((a, b) => a - b)
  const at = (share: number): string => latenciesMs[Math.floor(latenciesMs.length * share)]?.toFixed(2) ?? '-'
  const rate = (count: number): string => Math.round(count / seconds).toLocaleString('en-US')
  console.log(`${what} ${values.backend} ${durability}: ${rate(stored)} stored/s, ${rate(acked)} acked/s, ${((user + system) / Math.max(stored, acked)).toFixed(1)} us CPU a message (both threads), p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${Math.round(process.memoryUsage.rss() / 1e6)} MB resident`)
}

async function backlog(): Promise<void> {
  if (values.fill) {
    const { queue } = await open()
    const many = Buffer.concat(Array<Buffer>(500).fill(frame))
    await Promise.all([1, 2, 3, 4].map(async () => {
      while (stored < Number(values.messages)) await append(queue, many, 500)
    }))
    process.kill(process.pid, 'SIGKILL')
  }
  const startedMs = performance.now()
  spawnSync(process.execPath, [import.meta.filename, 'backlog', '--fill', '--directory', directory, '--messages', values.messages, '--bytes', values.bytes], { stdio: 'inherit' })
  console.log(`filled with ${Number(values.messages).toLocaleString('en-US')} in ${((performance.now() - startedMs) / 1000).toFixed(1)} s, then killed`)
  const openedMs = performance.now()
  const { store, queue } = await open()
  console.log(`open after ${Math.round(performance.now() - openedMs)} ms, ${(await queue.counts()).ready.toLocaleString('en-US')} ready`)
  queue.demand(outstanding)
  await measure(() => new Promise((resolve) => setTimeout(resolve, Number(values.seconds) * 1000)))
  await store.close()
}

try {
  if (what === 'backlog') await backlog()
  else {
    const { store, queue } = await open()
    if (what === 'cycle') queue.demand(outstanding * 2)
    await measure(() => Promise.all(Array.from({ length: outstanding }, () => publish(queue))))
    await store.close()
  }
} finally {
  if (!values.fill) rmSync(directory, { recursive: true, force: true })
}
