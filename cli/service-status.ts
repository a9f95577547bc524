// Says to systemd what became of the broker, where systemd has started it: that it serves, stops, and lives. Nothing anywhere else.

import { notifyService } from '../native/linux/service-notify.ts'

const US_PER_MS = 1000

/** systemd wants to hear twice within the time after which it kills (sd_watchdog_enabled(3)). */
const SHARE = 0.5

export class ServiceStatus {
  readonly #socket: string | undefined
  readonly #timer: NodeJS.Timeout | undefined

  /** Takes what it needs out of the environment: what this process starts does not speak for the service. */
  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#socket = process.platform === 'linux' ? environment['NOTIFY_SOCKET'] : undefined
    const isForUs = environment['WATCHDOG_PID'] === undefined || environment['WATCHDOG_PID'] === String(process.pid)
    const limitMs = isForUs ? Number(environment['WATCHDOG_USEC'] ?? 0) / US_PER_MS : 0
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name]
    if (this.#socket !== undefined && limitMs > 0) this.#timer = setInterval(() => this.#tell('WATCHDOG=1'), limitMs * SHARE).unref()
  }

  /** systemd has started this process, and starts it again. */
  get isService(): boolean {
    return this.#socket !== undefined
  }

  serving(text: string): void {
    this.#tell(`READY=1\nSTATUS=${text}`)
  }

  stopping(): void {
    this.#tell('STOPPING=1\nSTATUS=finishing what was accepted')
  }

  /** Nothing more is said. */
  ended(): void {
    clearInterval(this.#timer)
  }

  #tell(state: string): void {
    if (this.#socket === undefined) return
    try {
      notifyService(this.#socket, state)
    } catch {
      // systemd itself is restarted, or it is an old socket's name: the broker serves all the same.
      clearInterval(this.#timer)
    }
  }
}
