// Opens what servers keep, however long they take: a broker gives each question 2 s, which is short for a machine that runs many tests.

import { until } from './until.ts'

/**
 * Resolves when `open` has; asked again when it fails.
 * @throws Error with what it said last, when it has not within 100 s
 */
export async function untilOpen(open: () => Promise<void>): Promise<void> {
  let problem: unknown
  await until(() => open().then(() => true, (error: unknown) => {
    problem = error
    return false
  }), () => problem)
}
