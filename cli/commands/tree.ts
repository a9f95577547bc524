// `callboard tree`: every actor, indented below its supervisor; once, or every second.

import { setTimeout as delay } from 'node:timers/promises'
import type { Context } from '../context.ts'
import { interruption } from '../interrupt.ts'
import { print, printJson } from '../output.ts'
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
        const root = await client.call('tree')
        if (context.isJson) await printJson(root)
        else await print(isScreen ? `${HOME}${formatTree(root, process.stdout.rows - 1)}` : formatTree(root))
        if (options.watch) await delay(REDRAW_MS, undefined, { signal }).catch(() => {})
      } while (options.watch && !signal.aborted)
    },
    options.watch ? { retry: { maxRetries: Infinity } } : {},
  )
}
