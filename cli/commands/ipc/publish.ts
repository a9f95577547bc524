// `callboard ipc publish`: one message, or the same one n times, to whoever subscribed.

import type { Context } from '../../context.ts'
import { subjectOf, type DestinationOptions } from '../../destination.ts'
import { formatCount, plural } from '../../format.ts'
import { readMessage } from '../../message-input.ts'
import { print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

interface PublishOptions extends DestinationOptions {
  readonly message: string
  readonly count: number
  readonly id?: string
}

// Receipts that are waited for together: enough to fill the socket, few enough to hold in memory.
const WINDOW = 1000

export async function publish(context: Context, options: PublishOptions): Promise<void> {
  const message = await readMessage(options.message)
  await withClient(context, async client => {
    const subject = await subjectOf(client, options)
    let deliveries = 0
    for (let left = options.count; left > 0; left -= WINDOW) {
      const publishes = Array.from({ length: Math.min(left, WINDOW) }, () => client.publish(subject, message.payload, { ...message.options, ...(options.id !== undefined && { mid: options.id }), receipt: true }))
      for (const { receivers } of await Promise.all(publishes)) deliveries += receivers
    }
    if (context.isJson) return printJson({ subject, messages: options.count, deliveries })
    await print(`published ${plural(options.count, 'message')} to ${subject}: ${options.count === 1 ? plural(deliveries, 'receiver') : `${formatCount(deliveries)} deliveries`}`)
  })
}
