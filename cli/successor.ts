// A broker that has made way for another process: what becomes of its own. Knows nothing of what was handed over.

import type { ChildProcess } from 'node:child_process'
import { BrokerError } from '../broker/ground/errors.ts'

/** In the environment of a process that is to take over from one that runs. */
const SUCCESSOR_VARIABLE = 'CALLBOARD_SUCCESSOR'

/** What this process is told by the one that started it to take its place; undefined: it was started like any other. */
export function legacyOfThisProcess(): { readonly isForeground: boolean } | undefined {
  const text = process.env[SUCCESSOR_VARIABLE]
  return text === undefined || process.send === undefined ? undefined : (JSON.parse(text) as { readonly isForeground: boolean })
}

/** Tells that process why this one cannot. */
export function tellFailure(error: unknown): Promise<void> {
  return new Promise(resolve => {
    if (!process.connected) return resolve()
    process.send?.({ type: 'failed', error: BrokerError.from(error).toBody() }, undefined, undefined, () => resolve())
  })
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'] as const

/** Whoever waits for this process waits for that one: passes signals on and ends as it ends. */
export async function endWith(successor: ChildProcess): Promise<never> {
  for (const signal of SIGNALS) {
    process.removeAllListeners(signal)
    process.on(signal, () => successor.kill(signal))
  }
  // What was this process's to end has ended: the other one looks after what is left, and lets in nobody with our agents' tokens.
  if (successor.connected) successor.disconnect()
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>(resolve => {
    if (successor.exitCode !== null || successor.signalCode !== null) resolve([successor.exitCode, successor.signalCode])
    else successor.once('exit', (...how) => resolve(how))
  })
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
  return new Promise(() => {})
}
