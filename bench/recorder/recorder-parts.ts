// What of the broker is the flight recorder. When recording moves, this list moves with it; the bench ends when it finds nothing.

/** A source file from the root, and the functions of it that record; undefined: all of them. */
export interface RecorderPart {
  readonly file: string
  readonly functions: readonly string[] | undefined
}

export const recorderParts: readonly RecorderPart[] = [
  { file: 'broker/observe/recorder.ts', functions: undefined },
  { file: 'broker/observe/exceptions.ts', functions: undefined },
  { file: 'broker/observe/snapshots.ts', functions: undefined },
  { file: 'broker/core.ts', functions: ['record', 'targetOf'] },
]
