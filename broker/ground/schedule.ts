// When an agent is started that does not run all the time: what is asked for, and what is known of it. Data only.

export interface ScheduleSettings {
  /** As cron has it: minute, hour, day of the month, month, day of the week; seconds in front of them if there are six. Or @hourly, @daily, @weekly, @monthly, @yearly. */
  readonly pattern: string
  /** A name of the IANA's such as Europe/Berlin; undefined = that of the machine. */
  readonly timeZone: string | undefined
}

/** For croner, wherever a pattern is read: years are nobody's schedule. */
export const SCHEDULE_MODE = '5-or-6-parts'

export interface ScheduleInfo {
  readonly pattern: string
  readonly timeZone: string
  /** When it is started next. ms since the epoch; missing: never again */
  readonly next?: number
  /** When it was started by its schedule, since the broker runs. ms since the epoch */
  readonly last?: number
  /** How many times passed while it still ran. */
  readonly skipped: number
}
