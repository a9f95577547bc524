// Looks from time to time at what an instance had to do, and says whether it is well by that. No message pays for it.

import type { Clock } from '../../broker/ground/clock.ts'
import { Deadline, type Deadlines } from '../../broker/ground/deadlines.ts'
import type { ProbeHealth, ProbeInfo, TrafficSettings } from '../../broker/ground/probes.ts'
import type { InstanceLoad } from '../../broker/ground/registry.ts'
import type { Finding } from './probe.ts'
import { PARTS, Traffic } from './traffic.ts'
import type { Usual } from './usual.ts'

export interface TrafficWatchOptions {
  readonly instance: string
  readonly settings: TrafficSettings
  readonly usual: Usual
  /** One for each of its connections, and what is over; together they never shrink. */
  readonly loads: () => readonly InstanceLoad[]
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly onChange: (watch: Finding) => void
}

const LEAST_INTERVAL_MS = 20
/** So often within the shortest silence that counts. */
const LOOKS_PER_SILENCE = 4

export class TrafficWatch implements Finding {
  readonly #options: TrafficWatchOptions
  readonly #traffic: Traffic
  readonly #everyMs: number
  readonly #due = new Deadline(() => this.#look())
  #since: number
  #last: number | undefined

  constructor(options: TrafficWatchOptions) {
    const { instance, settings, usual, loads, clock, deadlines } = options
    this.#options = options
    this.#traffic = new Traffic(instance, settings, usual, clock.monotonicMs(), sum(loads()))
    this.#everyMs = Math.max(LEAST_INTERVAL_MS, Math.min(settings.windowMs / PARTS, (settings.silenceMs ?? Infinity) / LOOKS_PER_SILENCE))
    this.#since = clock.wallMs()
    deadlines.set(this.#due, this.#everyMs)
  }

  get health(): ProbeHealth {
    return this.#traffic.problem === undefined ? 'healthy' : 'unhealthy'
  }

  get problem(): string | undefined {
    return this.#traffic.problem
  }

  get onFailure(): TrafficSettings['onFailure'] {
    return this.#options.settings.onFailure
  }

  get info(): ProbeInfo {
    const { problem, health } = this
    return { kind: 'requests', target: '', health, since: this.#since, ...(this.#last === undefined ? {} : { last: this.#last }), ...(problem === undefined ? {} : { problem }) }
  }

  stop(): void {
    this.#options.deadlines.cancel(this.#due)
    this.#options.usual.leave(this.#options.instance)
  }

  #look(): void {
    const { clock, deadlines, loads, onChange } = this.#options
    const { health } = this
    this.#traffic.read(sum(loads()), clock.monotonicMs())
    this.#last = clock.wallMs()
    deadlines.set(this.#due, this.#everyMs)
    if (this.health === health) return
    this.#since = this.#last
    onChange(this)
  }
}

function sum(loads: readonly InstanceLoad[]): InstanceLoad {
  const all = { outstanding: 0, failures: 0, answered: 0, unanswered: 0, tookMs: 0 }
  for (const load of loads) for (const key of Object.keys(all) as (keyof InstanceLoad)[]) all[key] += load[key]
  return all
}
