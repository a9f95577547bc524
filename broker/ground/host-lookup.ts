// Addresses of hosts that the broker connects to, remembered for a while. Whoever opens connections outwards takes it
// as the `lookup` of their sockets. Knows no sockets.

import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Clock } from './clock.ts'
import type { NetworkSettings } from './settings.ts'

/** Asks the system for all addresses of a host. */
export type Resolve = (host: string, options: LookupOptions & { readonly all: true }, answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void) => void

type Waiter = (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void

interface Entry {
  addresses: readonly LookupAddress[]
  /** Monotonic time. */
  untilMs: number
  /** Those that wait for an answer that is under way; undefined: none is. */
  waiting: Waiter[] | undefined
}

/** Hosts that are remembered; a broker connects to a handful. */
const MAX_HOSTS = 256
/** Share of its time after which a host that is asked for again is looked up ahead. */
const PREFETCH_AFTER = 0.75

/**
 * A `lookup` for sockets. With `cache` an answer serves for `cacheTtlMs`, and questions for the same host at the same time
 * are one; with `prefetch` a host that is still asked for near the end of that time is looked up before it is over. Failures are not remembered.
 */
export function hostLookup({ cache, cacheTtlMs, prefetch }: NetworkSettings['dns'], clock: Clock, resolve: Resolve = systemLookup): LookupFunction {
  const entries = new Map<string, Entry>()

  function ask(key: string, host: string, options: LookupOptions, entry: Entry, waiter?: Waiter): void {
    const waiting = (entry.waiting = waiter === undefined ? [] : [waiter])
    resolve(host, { ...options, all: true }, (error, addresses) => {
      entry.waiting = undefined
      if (error === null) {
        entry.addresses = addresses
        entry.untilMs = clock.monotonicMs() + cacheTtlMs
      } else if (clock.monotonicMs() >= entry.untilMs) entries.delete(key)
      for (const tell of waiting) tell(error, addresses)
    })
  }

  return (host, options, callback) => {
    const answer: Waiter = (error, addresses) => {
      const [first] = addresses ?? []
      if (error !== null || first === undefined) callback(error ?? Object.assign(new Error(`no address for ${host}`), { code: 'ENOTFOUND' }), '')
      else if (options.all === true) callback(null, [...addresses])
      else callback(null, first.address, first.family)
    }
    if (!cache) return resolve(host, { ...options, all: true }, answer)
    const key = `${host}|${options.family ?? 0}|${options.hints ?? 0}|${options.order ?? ''}`
    const entry = entries.get(key)
    const nowMs = clock.monotonicMs()
    if (entry === undefined) {
      const made: Entry = { addresses: [], untilMs: -Infinity, waiting: undefined }
      if (entries.size >= MAX_HOSTS) entries.delete(entries.keys().next().value!)
      entries.set(key, made)
      return ask(key, host, options, made, answer)
    }
    if (nowMs < entry.untilMs) {
      if (prefetch && entry.waiting === undefined && nowMs >= entry.untilMs - cacheTtlMs * (1 - PREFETCH_AFTER)) ask(key, host, options, entry)
      // Never within the call, as the system's does not either.
      return queueMicrotask(() => answer(null, entry.addresses))
    }
    if (entry.waiting === undefined) ask(key, host, options, entry, answer)
    else entry.waiting.push(answer)
  }
}
