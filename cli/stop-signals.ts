// What the signals of an operator mean to a broker in the foreground.

// One Ctrl-C arrives twice when a launcher or npm, which got it from the terminal too, passes it on.
const SAME_KEYSTROKE_MS = 300

/**
 * `stop` is called once, by the first SIGINT, SIGTERM, SIGHUP or SIGUSR2; `end` by a SIGINT that comes while it stops,
 * unless it follows the first within 300 ms. SIGUSR1 does nothing.
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
  // Operators of NATS send it for lame duck mode; unheard it would end the process where it stands.
  process.on('SIGUSR2', first)
  // Unheard it would open Node's debugger, through which any user of this machine runs code here.
  process.on('SIGUSR1', () => {})
}
