// `callboard ipc publish`: one message, or the same one n times, to whoever subscribed.

import type { Receipt } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { subjectOf, type DestinationOptions } from '../../destination.ts'
import { explain } from '../../explain.ts'
import { Failure } from '../../failure.ts'
import { formatCount, plural } from '../../format.ts'
import { publishOptions, type MessageFlags } from '../../message-flags.ts'
import { readMessage } from '../../message-input.ts'
import { print, printJson } from '../../output.ts'
import { receiptText, storedText } from '../../receipt-view.ts'
import { withClient } from '../../with-client.ts'

interface PublishFlags extends DestinationOptions, MessageFlags {
  readonly message: string
  readonly count: number
}

// Receipts that are waited for together: enough to fill the socket, few enough to hold in memory.
const WINDOW = 1000

export async function publish(context: Context, options: PublishFlags): Promise<void> {
  const message = await readMessage(options.message)
  await withClient(context, async client => {
    const subject = await subjectOf(client, options)
    let deliveries = 0
    let published = 0
    let last: Receipt | undefined
    for (let left = options.count; left > 0; left -= WINDOW) {
      const publishes = Array.from({ length: Math.min(left, WINDOW) }, () => client.publish(subject, message.payload, { ...message.options, ...publishOptions(options), receipt: true }))
      const outcomes = await Promise.allSettled(publishes)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') continue
        published++
        deliveries += outcome.value.receivers
        last = outcome.value
      }
      const refused = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined
      if (refused !== undefined) throw options.count === 1 ? refused.reason : partly(refused.reason, published, options.count, last)
    }
    const { stored, isDuplicate } = last!
    if (context.isJson) return printJson({ subject, messages: options.count, deliveries, ...(stored !== undefined && { stored }), ...(isDuplicate && { isDuplicate }) })
    await print(`published ${plural(options.count, 'message')} to ${subject}: ${options.count === 1 ? receiptText(last!) : `${formatCount(deliveries)} deliveries${stored === undefined ? '' : `, ${storedText(stored)}`}`}`)
  })
}

/** What the first refusal says, and how many came through: who repeats the command would publish those twice. */
function partly(reason: unknown, published: number, count: number, last: Receipt | undefined): Failure {
  const { code, message, hint, exitCode } = explain(reason)
  const so = published > 0 && last?.stored !== undefined ? `, the last one ${storedText(last.stored)}` : ''
  return new Failure({ code, message: `${message}; ${formatCount(published)} of ${plural(count, 'message')} published${so}`, hint, exitCode, details: { published, messages: count } }, { cause: reason })
}
