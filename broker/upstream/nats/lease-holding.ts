// What stands under a lease's name in the bucket: who holds it, and for how long it outlives a holder that died.

export interface Holding {
  /** One object in one process. */
  readonly holder: string
  /** For people. */
  readonly broker: string
  readonly ttlMs: number
}

/** For what cannot be read: nobody lets a lease live longer. ms */
const LONGEST_TTL_MS = 600_000

export function encodeHolding({ holder, broker, ttlMs }: Holding): string {
  return JSON.stringify({ holder, broker, ttlMs })
}

/** Never throws: what somebody else wrote there holds the lease too, by nobody, as long as any lease may last. */
export function readHolding(value: Uint8Array): Holding {
  try {
    const { holder, broker, ttlMs } = JSON.parse(Buffer.from(value).toString()) as Record<string, unknown>
    if (typeof holder === 'string' && typeof broker === 'string' && typeof ttlMs === 'number' && ttlMs > 0 && ttlMs <= LONGEST_TTL_MS) return { holder, broker, ttlMs }
  } catch {
    // Not JSON, or not an object.
  }
  return { holder: '', broker: '', ttlMs: LONGEST_TTL_MS }
}
