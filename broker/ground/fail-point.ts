// Named places at which a test ends the process as kill -9 does. In use nothing is named, and a place costs one comparison.

/** Set in the environment of a broker under test: `name` or `name@count`, the process ends when it comes there for that time. */
const wanted = process.env['CALLBOARD_FAIL_POINT']
const [wantedName, wantedCount = '1'] = wanted?.split('@') ?? []
let left = Number(wantedCount)

/** Other threads and processes go on for so long. ms */
const HOLD_MS = 20

/** Ends the process here when the environment asks for it. Names are `part.place`, such as `store.before-commit`. */
export function failPoint(name: string): void {
  if (wantedName === undefined || name !== wantedName || --left > 0) return
  // What was told too early reaches whoever it was told to: the test sees it.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HOLD_MS)
  process.kill(process.pid, 'SIGKILL')
  // The signal is delivered while this waits: nothing after the place happens.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000)
}
