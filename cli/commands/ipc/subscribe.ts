// `callboard ipc subscribe`: prints messages as they come.

import type { Client, Message } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { patternsOf } from '../../destination.ts'
import { formatDuration } from '../../format.ts'
import { interruption } from '../../interrupt.ts'
import { envelopeOf, messageLine } from '../../message-view.ts'
import { note, print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

interface SubscribeOptions {
  readonly channel?: string
  readonly subject?: string
  readonly filter?: string
  readonly follow?: true
  readonly group?: string
  readonly limit?: number
  readonly timeout: number
}

/** Ctrl-C, the limit and the end of the time are all ordinary ends: exit code 0 after unsubscribing. */
export async function subscribe(context: Context, options: SubscribeOptions): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, interruption()])
  // Who follows stays through a restart of the broker, however long it takes.
  const retry = options.follow ? { retry: { maxRetries: Infinity } } : {}
  await withClient(
    context,
    async client => {
      if (options.follow) tellInterruptions(client, signal)
      const patterns = await patternsOf(client, options)
      const time = options.follow ? undefined : setTimeout(() => over.abort(), options.timeout)
      let shown = 0
      let left = options.limit ?? Infinity
      const show = async (message: Message): Promise<void> => {
        if (left-- <= 0) return
        shown++
        await (context.isJson ? printJson(envelopeOf(message)) : print(messageLine(message)))
        if (left === 0) over.abort()
      }
      try {
        await Promise.all(patterns.map(pattern => readAll(client, pattern, options, signal, show)))
      } finally {
        clearTimeout(time)
      }
      // Silence alone would look as if the command had not listened.
      if (shown === 0 && over.signal.aborted) note(`nothing came in ${formatDuration(options.timeout)}; with --follow it waits until Ctrl-C`)
    },
    retry,
  )
}

/** Says on stderr when nothing is received for a while, except when the command itself leaves. */
function tellInterruptions(client: Client, signal: AbortSignal): void {
  client.on('disconnected', () => {
    if (!signal.aborted) note('disconnected; waiting for the broker to come back')
  })
  client.on('reconnected', () => note('connected again'))
}

async function readAll(client: Client, pattern: string, options: SubscribeOptions, signal: AbortSignal, show: (message: Message) => Promise<void>): Promise<void> {
  const subscription = client.subscribe(pattern, { ...(options.group !== undefined && { group: options.group }), ...(options.filter !== undefined && { filter: options.filter }) })
  // In order: what arrived before the end is still printed. When that fails, the iteration says why.
  const leave = (): void => void subscription.drain().catch(() => {})
  signal.addEventListener('abort', leave)
  try {
    await subscription.ready
    if (signal.aborted) leave()
    for await (const message of subscription) await show(message)
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
