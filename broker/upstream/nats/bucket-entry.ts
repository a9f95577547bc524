// An entry of a key-value bucket, and who is told of entries. Types only.

export interface BucketEntry {
  readonly key: string
  /** undefined: it was deleted. */
  readonly value: Uint8Array | undefined
  /** Grows with every write to the bucket, 1..2^53-1. */
  readonly revision: number
}

export interface BucketWatcher {
  /** From now on all entries are told anew: what is not told again until `synced()` is not there any more. */
  round(): void
  /** An entry as it is now, or became; the same may come twice. */
  entry(entry: BucketEntry): void
  /** All entries that there were have been told. */
  synced(): void
  /** A round could not begin: nothing more is told. The bucket has to be opened again. */
  failed(error: Error): void
}
