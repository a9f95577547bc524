// What people ask of a brokered queue: how much there is, what it is, and to delete or revive it.

import type { QueueCounts, Selection, StoredMessage, StoredQuery, StoredState } from '../../ground/store.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { DeadEntry, Kept, PutOutcome } from './foreign-queue.ts'
import { attemptOf, isBusy } from './hand.ts'
import { tallyOfAll } from './notes.ts'
import { wallMs, type Workplace } from './workplace.ts'

/** Messages that are read at a time. */
const PAGE = 500

/** All brokers together, as far as the store and their notes tell. What remains when all else is counted was acknowledged. */
export async function countsOf(at: Workplace): Promise<QueueCounts> {
  const { foreign, notes, hand } = at
  const [state, { others }] = await Promise.all([foreign.state(), foreign.notes()])
  const { duplicates, expired, dropped, purged, replayed, retried } = tallyOfAll(notes.tally, others)
  const { delayed, givenBack } = notes.waiting(wallMs(at))
  const inFlight = hand.busyCount + Math.max(0, state.handedOut - hand.size - givenBack)
  const held = hand.heldCount
  const stored = state.puts - replayed
  return {
    ready: Math.max(0, state.messages - inFlight - held - delayed),
    delayed,
    held,
    inFlight,
    bytes: state.bytes,
    deadLetters: state.dead,
    deadLetterBytes: state.deadBytes,
    stored,
    duplicates,
    acked: Math.max(0, state.puts - state.buried - expired - dropped - purged - state.messages),
    forwarded: 0,
    deadLettered: state.buried,
    expired,
    dropped,
    purged,
    replayed,
    retried,
    lastPosition: state.lastPosition,
    oldestAtMs: state.oldestAtMs,
  }
}

export async function listOf(at: Workplace, { which, after, limit }: StoredQuery): Promise<StoredMessage[]> {
  if (which === 'dead') return (await at.foreign.readDead(after, limit)).map(dead)
  const kept = await at.foreign.read(after, limit)
  return kept.map((each) => waiting(at, each))
}

function waiting({ hand, notes, ...at }: Workplace, kept: Kept): StoredMessage {
  const { position } = kept
  const [here, note] = [hand.get(position), notes.get(position)]
  const dueAtMs = note?.dueAtMs ?? kept.dueAtMs
  const state: StoredState = here === undefined ? (dueAtMs > wallMs(at) ? 'delayed' : 'ready') : here.phase === 'leased' || here.phase === 'ending' ? 'in-flight' : here.phase
  const history = here?.history ?? note?.history ?? []
  const attempts = here === undefined ? (history.at(-1)?.attempt ?? 0) : attemptOf(here) - (state === 'in-flight' ? 0 : 1)
  return { ...common(kept), state, attempts, dueAtMs, ...(history.length === 0 ? {} : { lastError: history.at(-1)!.error }) }
}

function dead(entry: DeadEntry): StoredMessage {
  const { attempts, reason, atMs, history } = entry
  return { ...common(entry), state: 'dead', attempts, dueAtMs: 0, ...(history.length === 0 ? {} : { lastError: history.at(-1)!.error }), death: { reason, atMs, history } }
}

function common({ position, frame, storedAtMs, expiresAtMs, messageId, session }: Kept): Pick<StoredMessage, 'position' | 'frame' | 'storedAtMs' | 'expiresAtMs' | 'messageId' | 'session'> {
  return { position, frame, storedAtMs, expiresAtMs, ...(messageId === undefined ? {} : { messageId }), ...(session === undefined ? {} : { session }) }
}

/**
 * Puts dead letters into the queue again and takes them off the shelf, page by page. Where the broker ends in between, what was
 * put is known by its id within the window of the store.
 */
export async function replay({ foreign, notes }: Workplace, which: Selection): Promise<number> {
  let count = 0
  const wanted = which === 'all' ? undefined : new Set(which)
  const last = which === 'all' ? Infinity : which.reduce((most, position) => Math.max(most, position), 0)
  for (let after = which === 'all' ? 0 : which.reduce((least, position) => Math.min(least, position), Infinity) - 1; after < last; ) {
    const page = await foreign.readDead(after, PAGE)
    // A page may be shorter than it might be, where something went while it was read: the last one is empty.
    if (page.length === 0) break
    const chosen = page.filter(({ position }) => wanted?.has(position) ?? true)
    const outcomes = await Promise.all(chosen.map((entry) => revive(entry)))
    const revived = chosen.filter((_, i) => !(outcomes[i] instanceof BrokerError) && outcomes[i] !== 'full')
    await foreign.removeDead(revived.map(({ position }) => position))
    count += revived.length
    notes.tally.replayed += revived.length
    const failed = outcomes.find((outcome) => outcome instanceof BrokerError)
    if (failed !== undefined) throw failed
    if (outcomes.includes('full')) break
    after = page.at(-1)!.position
  }
  return count

  function revive(entry: DeadEntry): Promise<PutOutcome> {
    const { frame, messageId, session, position, atMs } = entry
    return new Promise((resolve) => foreign.put({ frame, messageId, session, sequence: 0, dueAtMs: 0, expiresAtMs: 0 }, `replay ${position} ${atMs}`, resolve))
  }
}

/** Deletes what waits and is not on lease here. */
export async function purgeWaiting(at: Workplace, which: Selection): Promise<number> {
  const { foreign, notes, clock } = at
  let count = 0
  const drop = async (position: number): Promise<void> => {
    const here = at.hand.get(position)
    if (here !== undefined && isBusy(here)) return
    if (here === undefined) {
      if (!(await foreign.remove(position))) return
    } else {
      const { phase } = here
      at.hand.end(here)
      try {
        await foreign.finish([position])
      } catch (error) {
        at.hand.stay(here, phase, clock.monotonicMs())
        throw error
      }
      at.hand.remove(position, clock.monotonicMs())
    }
    notes.take(position)
    count++
  }
  try {
    if (which !== 'all') await Promise.all(which.map(drop))
    else
      for (let after = 0; ; ) {
        const page = await foreign.read(after, PAGE)
        if (page.length === 0) break
        await Promise.all(page.map(({ position }) => drop(position)))
        after = page.at(-1)!.position
      }
  } finally {
    notes.tally.purged += count
  }
  return count
}
