// `callboard nats-server`, as the command tree meets it: with words before it, which it does not take.

import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'

/** @throws Failure (usage) always */
export function refuseWordsBefore(_context: Context, _options: object, words: readonly string[]): Promise<void> {
  const flags = words.join(' ')
  return Promise.reject(Failure.usage('nats-server takes its options behind it, as nats-server does', `type: callboard nats-server --home <dir>${flags === '' ? '' : ` ${flags}`}`))
}
