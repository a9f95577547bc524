// Waits for long work on the store of a running broker, with a bar where somebody watches.

import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError } from '../broker/ground/errors.ts'
import type { StoreJob, StoreJobQuery } from '../broker/ground/queue-api.ts'
import { progress } from './progress.ts'

const LOOK_MS = 200

/**
 * What came of the job.
 * @param ask calls the method; with `job` after the first time
 * @throws BrokerError that it failed with
 */
export async function awaitJob<Report>(label: string, isJson: boolean, ask: (query: StoreJobQuery) => Promise<StoreJob<Report>>): Promise<Report> {
  const bar = progress(label, isJson)
  try {
    let state = await ask({})
    for (let waitMs = 10; state.state === 'running'; waitMs = Math.min(LOOK_MS, waitMs * 2)) {
      bar.at(state.done, state.total)
      await delay(waitMs)
      state = await ask({ job: state.job })
    }
    if (state.report === undefined) throw BrokerError.fromBody(state.error!)
    return state.report
  } finally {
    bar.end()
  }
}
