// Runs traffic and takes the figures of a window of time in which everything is warm.

import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from '../measure/cpu.ts'
import type { Outcome } from './job.ts'
import type { Traffic } from './traffic.ts'

/** Longest wait for what is still under way when the sender has stopped. */
const SETTLE_MS = 15_000

/** `warmMs` of traffic that is not counted (the server compiles and fills its caches), then `windowMs` that is. */
export async function measure(traffic: Traffic, serverPid: number, warmMs: number, windowMs: number): Promise<Outcome> {
  traffic.start()
  await sleep(warmMs)
  const before = sample(traffic, serverPid)
  await sleep(windowMs)
  const after = sample(traffic, serverPid)
  traffic.stop()
  const problems = await settle(traffic)
  return {
    deliveries: after.deliveries - before.deliveries,
    wallSeconds: (after.atMs - before.atMs) / 1000,
    serverCpuSeconds: after.serverCpuSeconds - before.serverCpuSeconds,
    loadCpuSeconds: after.loadCpuSeconds - before.loadCpuSeconds,
    fromMicros: before.atMs * 1000,
    toMicros: after.atMs * 1000,
    problems,
  }
}

/** A bounded count of messages, every one of which is looked at; the figures say nothing about speed. */
export async function check(traffic: Traffic, messagesPerSender: number): Promise<Outcome> {
  traffic.start(messagesPerSender)
  const problems = await settle(traffic)
  return { deliveries: traffic.deliveries(), wallSeconds: 0, serverCpuSeconds: 0, loadCpuSeconds: 0, fromMicros: 0, toMicros: 0, problems }
}

function sample(traffic: Traffic, serverPid: number): { deliveries: number; atMs: number; serverCpuSeconds: number; loadCpuSeconds: number } {
  return { deliveries: traffic.deliveries(), atMs: Number(process.hrtime.bigint() / 1000n) / 1000, serverCpuSeconds: cpuSeconds(serverPid), loadCpuSeconds: cpuSeconds(process.pid) }
}

async function settle(traffic: Traffic): Promise<readonly string[]> {
  const abort = new AbortController()
  const timeout = sleep(SETTLE_MS, undefined, { signal: abort.signal }).catch(() => {})
  await Promise.race([traffic.settled(), timeout])
  abort.abort()
  return traffic.problems()
}
