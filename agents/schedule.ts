// The times at which an agent is started, as its pattern has them. Starts nothing and waits for nothing.

import { Cron } from 'croner'
import { BrokerError } from '../broker/ground/errors.ts'
import { SCHEDULE_MODE, type ScheduleSettings } from '../broker/ground/schedule.ts'

/**
 * Where clocks change, a pattern with one time of the day runs once on that day: at the first of two, or when the clock jumps over it. Others run
 * as often as their times come.
 */
export class Schedule {
  /** A name of the IANA's. */
  readonly timeZone: string
  readonly #cron: Cron

  /** @throws BrokerError `agent.schedule` when there is no such time or time zone */
  constructor(agent: string, { pattern, timeZone }: ScheduleSettings) {
    this.timeZone = timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
    try {
      this.#cron = new Cron(pattern, { mode: SCHEDULE_MODE, timezone: this.timeZone })
      this.after(0)
    } catch (error) {
      throw new BrokerError('agent.schedule', { agent, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
    }
  }

  /** The first time after `ms`, both in ms since the epoch; undefined: none comes. */
  after(ms: number): number | undefined {
    return this.#cron.nextRun(new Date(ms))?.getTime()
  }
}
