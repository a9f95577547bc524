// What the signals of an operator mean to a broker in the foreground.

// One Ctrl-C arrives twice when a launcher or npm, which got it from the terminal too, passes it on.
const SAME_KEYSTROKE_MS = 300

interface SignalActions {
  /** Once, by the first SIGINT, SIGTERM or SIGUSR2, and by SIGHUP where there is no `reload`. */
  readonly stop: () => void
  /** By a SIGINT that comes while it stops, unless it follows the first within 300 ms. */
  readonly end: () => void
  /** By each SIGHUP until it stops. undefined: it says that the terminal is gone. */
  readonly reload?: (() => void) | undefined
}

/** SIGUSR1 does nothing. */
export function onStopSignals({ stop, end, reload }: SignalActions, now: () => number = () => performance.now()): void {
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
  process.on('SIGHUP', () => {
    if (reload === undefined) first()
    else if (firstMs === undefined) reload()
  })
  // Operators of NATS send it for lame duck mode; unheard it would end the process where it stands.
  process.on('SIGUSR2', first)
  // Unheard it would open Node's debugger, through which any user of this machine runs code here.
  process.on('SIGUSR1', () => {})
}
