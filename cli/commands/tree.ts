// `callboard tree`: every actor, indented below its supervisor; once, or every second.

import { setTimeout as delay } from 'node:timers/promises'
import type { ActorInfo } from '../../broker/ground/types.ts'
import { BrokerError, type Client } from '../../client/index.ts'
import type { Context } from '../context.ts'
import { interruption } from '../interrupt.ts'
import { note, print, printJson } from '../output.ts'
import { formatTree } from '../tree-view.ts'
import { withClient } from '../with-client.ts'

const REDRAW_MS = 1000
/** Cursor home, and everything below it cleared: flickers less than clearing the screen first. */
const HOME = '\u001b[H\u001b[J'
const CLEAR = '\u001b[2J'

/** With `--watch` until Ctrl-C, exit code 0; it waits for a broker that restarts. */
export async function tree(context: Context, options: { readonly watch?: true }): Promise<void> {
  const signal = interruption()
  const isScreen = options.watch === true && process.stdout.isTTY && !context.isJson
  await withClient(
    context,
    async client => {
      if (isScreen) process.stdout.write(CLEAR)
      do {
        const root = await ask(client, options.watch === true)
        if (root === undefined) note('the broker is gone; waiting for it to come back')
        else if (context.isJson) await printJson(root)
        else await print(isScreen ? `${HOME}${formatTree(root, process.stdout.rows - 1)}` : formatTree(root))
        if (options.watch) await delay(REDRAW_MS, undefined, { signal }).catch(() => {})
      } while (options.watch && !signal.aborted)
    },
    options.watch ? { retry: { maxRetries: Infinity } } : {},
  )
}

/** The tree as it is now; undefined where a watch goes on without an answer, since the connection is lost. */
async function ask(client: Client, isPatient: boolean): Promise<ActorInfo | undefined> {
  if (isPatient && !client.isConnected) return undefined
  try {
    return await client.call('tree')
  } catch (error) {
    if (isPatient && error instanceof BrokerError && error.retryable && !client.isConnected) return undefined
    throw error
  }
}
