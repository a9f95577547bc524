// What the signals of an operator mean to a broker in the foreground.

// One Ctrl-C arrives twice when a launcher or npm, which got it from the terminal too, passes it on.
const SAME_KEYSTROKE_MS = 300

/**
 * `stop` is called once, by the first SIGINT, SIGTERM or SIGHUP; `end` by a SIGINT that comes while it stops, unless it
 * follows the first within 300 ms.
 */
export function onStopSignals(stop: () => void, end: () => void, now: () => number = () => performance.now()): void {
  let firstMs: number | undefined
  const first = (): void => {
    if (firstMs !== undefined) return
    firstMs = now()
    stop()
  }
  process.on('SIGINT', () => {
    if (firstMs !== undefined && now() - firstMs >= SAME_KEYSTROKE_MS) end()
    else first()
  })
  process.on('SIGTERM', first)
  process.on('SIGHUP', first)
}
