// Measures how long the broker takes from spawn to its first authenticated reply.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { callboardDialect } from './load/callboard-dialect.ts'
import { Line } from './load/line.ts'
import { summarise, type Summary } from './measure/stats.ts'
import { readToken, socketPath, spawnBroker } from './server/broker.ts'
import { endProcess, makeHome, removeHome, type SpawnedServer } from './server/server.ts'

export interface StartOutcome {
  /** First start in an empty home with an empty compile cache. ms */
  readonly coldMs: number
  /** The starts after it. ms */
  readonly warmMs: Summary
}

const READY_MS = 15_000
const RETRY_MS = 1

/** One cold start and `warmStarts` warm ones in the same home, one after the other. No config, so no agents. */
export async function measureStart(warmStarts: number): Promise<StartOutcome> {
  const home = await makeHome()
  try {
    const coldMs = await timeStart(home)
    const warm: number[] = []
    for (let i = 0; i < warmStarts; i++) warm.push(await timeStart(home))
    return { coldMs, warmMs: summarise(warm) }
  } finally {
    await removeHome(home)
  }
}

async function timeStart(home: string): Promise<number> {
  const startMs = performance.now()
  // A cache of its own makes the first start really cold.
  const server = spawnBroker(home, [], { NODE_COMPILE_CACHE: join(home, 'compile-cache') })
  try {
    const line = await openWhenReady(home, server, startMs + READY_MS)
    const tookMs = performance.now() - startMs
    line.close()
    return tookMs
  } finally {
    await endProcess(server.child)
  }
}

// Asks again and again: a fixed wait would be part of the figure.
async function openWhenReady(home: string, server: SpawnedServer, deadlineMs: number): Promise<Line> {
  for (;;) {
    const line = await Line.open(`unix:${socketPath(home)}`).catch(() => undefined)
    if (line !== undefined) {
      await callboardDialect.authenticate(line, { principal: 'owner', token: await readToken(home) })
      return line
    }
    if (server.child.exitCode !== null) throw new Error(`the broker ended before it answered: ${server.output()}`)
    if (performance.now() > deadlineMs) throw new Error(`the broker did not answer within ${READY_MS} ms: ${server.output()}`)
    await sleep(RETRY_MS)
  }
}
