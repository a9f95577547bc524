// Checks that the broker answers, with the credential that the other commands use.

import { findHolder } from '../../broker/ground/home-lock.ts'
import type { Context } from '../context.ts'
import { explain } from '../explain.ts'
import { formatDuration } from '../format.ts'
import { withClient } from '../with-client.ts'
import type { Finding } from './finding.ts'

const SLOW_MS = 250

export async function* checkBroker(context: Context): AsyncGenerator<Finding> {
  if ((await findHolder(context.paths)) === undefined) {
    yield { check: 'broker', state: 'warn', text: 'it does not run', remedy: 'callboard start' }
    return
  }
  try {
    yield await withClient(context, async client => {
      const sentMs = performance.now()
      await client.call('ping')
      const ms = performance.now() - sentMs
      const text = `answers principal "${client.welcome.principal}" (${client.welcome.roles.join(', ')}) in ${formatDuration(ms)}`
      if (ms < SLOW_MS) return { check: 'broker', state: 'ok', text }
      return { check: 'broker', state: 'warn', text, remedy: 'see what keeps it busy: callboard ipc latency, callboard ipc stats' }
    })
  } catch (thrown) {
    const { message, hint } = explain(thrown)
    yield { check: 'broker', state: 'fail', text: message, ...(hint !== undefined && { remedy: hint }) }
  }
}
