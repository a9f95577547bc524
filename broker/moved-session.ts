// What is known of a session, in a form that another process can read.

import type { Connection } from './connection.ts'
import type { MovedFrames, MovedRegistration, MovedSession } from './ground/handover.ts'
import { Kind } from './ground/kind.ts'
import type { Slice } from './ground/slice.ts'
import { encodeFrame } from './wire/frame.ts'
import { Offset } from './wire/layout.ts'
import { frameEnd } from './wire/regroup.ts'

/** All but what waits for it. `isExpected`: its client was told to come. */
export function movedSession(connection: Connection, registrations: readonly MovedRegistration[], isExpected: boolean): Omit<MovedSession, 'waiting'> {
  const { number, client, session, grant, permissions, program, agent, echo, readsZstd, readsReceiptRuns, credit, link, lastId, subscriptions, outbound } = connection
  const { retention } = outbound
  return {
    number,
    client,
    session,
    secret: grant!.secret,
    ttlMs: grant!.ttlMs,
    isExpected,
    principal: permissions!.name,
    program,
    agent,
    echo,
    readsZstd,
    readsReceiptRuns,
    hasCredit: credit !== undefined,
    peer: link.peer,
    framing: link.framing,
    lastId,
    subscriptions: [...(subscriptions?.values() ?? [])].map(({ number: own, pattern, group, filter }) => ({ number: own, pattern, group, filter: filter?.text })),
    registrations,
    keptFrom: retention!.from,
    kept: movedFrames([...retention!.slices]),
  }
}

/** Without what is on lease, which is delivered again, to whomever, and what is about the link. Its place in the count of frames is kept. */
function movedFrames(slices: readonly Slice[]): MovedFrames[] {
  return slices.map(({ bytes, start, end, frames }) => ({ bytes: ofSession(bytes, start, end), frames }))
}

/** The same of what waits, of which the first `flying` slices may have arrived: those count, however old. */
export function waitingFrames(slices: readonly Slice[], flying: number, nowMs: number): MovedFrames[] {
  return movedFrames(slices).map((moved, i) => {
    const { expiresAtMs } = slices[i]!
    return i < flying || expiresAtMs === 0 ? moved : { ...moved, leftMs: Math.max(0, expiresAtMs - nowMs) }
  })
}

const LEFT_OUT: ReadonlySet<number> = new Set([Kind.leased, Kind.leasedRequest, Kind.returned])
const PLACE = encodeFrame({ kind: Kind.pong, ref: 0 })

function ofSession(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const pieces: Uint8Array[] = []
  for (let at = start; at < end; ) {
    const next = frameEnd(bytes, at)
    const kind = bytes[at + Offset.kind]!
    pieces.push(LEFT_OUT.has(kind) ? PLACE : bytes.subarray(at, next))
    at = next
  }
  return Buffer.concat(pieces)
}
