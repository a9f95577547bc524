// What actors need around them, on a clock that the test moves.

import { Deadlines } from '../../broker/ground/deadlines.ts'
import type { Environment } from '../../actors/behaviour.ts'
import { FakeClock } from './fake-clock.ts'
import { recordedLog, type RecordedLog } from './recorded-log.ts'

export interface TestEnvironment extends Environment {
  readonly clock: FakeClock
  readonly log: RecordedLog
}

/** Fake clock, a wheel on it with ticks of 1 ms, and a log that is kept. */
export function actorEnvironment(): TestEnvironment {
  const clock = new FakeClock()
  const log = recordedLog()
  return { clock, log, deadlines: new Deadlines(clock, { tickMs: 1, onError: error => log.error({ error }, 'a deadline failed') }) }
}
