// Starts an agent at its times. Knows the clock and a start, no processes.

import type { Schedule } from '../agents/schedule.ts'
import { Deadline } from '../broker/ground/deadlines.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { ScheduleInfo, ScheduleSettings } from '../broker/ground/schedule.ts'
import type { Environment } from './behaviour.ts'

export interface AgentScheduleOptions {
  /** Of the instance. */
  readonly id: string
  readonly settings: ScheduleSettings
  readonly schedule: Schedule
  readonly environment: Environment
  /** Rejects with `supervisor.child_busy` when it still runs, is in quarantine, or down with its group. */
  readonly start: () => Promise<unknown>
}

/** The clock is looked at this often: a deadline knows nothing of a clock that was set, nor of a machine that slept. */
const LOOK_MS = 30_000
/** A clock that was set back further than this was wrong before; times within it do not come twice. As cron has it. */
const CORRECTION_MS = 3 * 3_600_000

/**
 * Begins at once, and never makes up for a time: what passed while the broker was down or had another clock is passed over. Times that passed while
 * the machine slept are one start, late.
 */
export class AgentSchedule {
  readonly #options: AgentScheduleOptions
  readonly #deadline = new Deadline(() => this.#look())
  /** The latest time that came. ms since the epoch */
  #passed: number
  #next: number | undefined
  #last: number | undefined
  #skipped = 0

  constructor(options: AgentScheduleOptions) {
    this.#options = options
    this.#passed = options.environment.clock.wallMs()
    this.#wait()
  }

  info(): ScheduleInfo {
    const { settings, schedule } = this.#options
    return {
      pattern: settings.pattern,
      timeZone: schedule.timeZone,
      ...(this.#next !== undefined && { next: this.#next }),
      ...(this.#last !== undefined && { last: this.#last }),
      skipped: this.#skipped,
    }
  }

  /** No start follows. */
  end(): void {
    this.#options.environment.deadlines.cancel(this.#deadline)
  }

  #look(): void {
    const now = this.#options.environment.clock.wallMs()
    if (now < this.#passed - CORRECTION_MS) this.#passed = now
    else if (this.#next !== undefined && now >= this.#next) {
      this.#passed = now
      void this.#start(now)
    }
    this.#wait()
  }

  #wait(): void {
    const { environment, schedule } = this.#options
    const now = environment.clock.wallMs()
    this.#next = schedule.after(this.#passed)
    // Where no time comes any more, one may after the clock was set.
    environment.deadlines.set(this.#deadline, Math.min(LOOK_MS, (this.#next ?? Infinity) - now))
  }

  async #start(now: number): Promise<void> {
    const { id, start, environment: { log } } = this.#options
    try {
      await start()
      this.#last = now
      log.info({ agent: id }, 'started by its schedule')
    } catch (error) {
      const { code, message, details } = BrokerError.from(error)
      if (code === 'supervisor.child_busy') {
        this.#skipped++
        log.warn({ agent: id, skipped: this.#skipped, state: details['state'] }, 'the agent cannot be started at its time, which is passed over')
        return
      }
      // The broker starts or ends.
      if (code !== 'actor.ended') log.error({ agent: id, problem: message }, 'the agent was not started at its time')
    }
  }
}
