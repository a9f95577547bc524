// `callboard ipc send`: one message to a channel, a subject or one receiver, and with --wait its answer.

import { randomBytes } from 'node:crypto'
import { TRACEPARENT, writeTraceparent } from '../../../broker/ground/trace-context.ts'
import type { Client, PublishOptions } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { subjectOf, type DestinationOptions } from '../../destination.ts'
import { Failure } from '../../failure.ts'
import { interruption } from '../../interrupt.ts'
import { publishOptions, type MessageFlags } from '../../message-flags.ts'
import { readMessage, type MessageInput } from '../../message-input.ts'
import { envelopeOf, payloadText } from '../../message-view.ts'
import { note, print, printJson } from '../../output.ts'
import { receiptText } from '../../receipt-view.ts'
import { withClient } from '../../with-client.ts'

export interface SendOptions extends DestinationOptions, MessageFlags {
  readonly message: string
  readonly wait?: true
  readonly timeout: number
  readonly trace?: true
  /** Beside those of the flags. */
  readonly headers?: Readonly<Record<string, string>>
}

const DEFAULT_CHANNEL = 'command'

interface SentMessage extends Pick<MessageInput, 'payload'> {
  readonly options: PublishOptions
}

export async function send(context: Context, options: SendOptions): Promise<void> {
  const { payload, options: form } = await readMessage(options.message)
  const message: SentMessage = { payload, options: { ...form, ...publishOptions(options), ...((options.trace || options.headers !== undefined) && { headers: { ...options.headers, ...(options.trace && beginTrace()) } }) } }
  const isNamed = options.channel !== undefined || options.subject !== undefined || options.to !== undefined
  await withClient(context, async client => {
    const subject = await subjectOf(client, isNamed ? options : { channel: DEFAULT_CHANNEL })
    if (options.wait) await printAnswers(context, client, subject, message, options.timeout)
    else await sendOnly(context, client, subject, message, options)
  })
}

async function printAnswers(context: Context, client: Client, subject: string, message: SentMessage, timeoutMs: number): Promise<void> {
  // Ctrl-C cancels: whoever works on the answer is told that nobody waits for it.
  for await (const answer of client.stream(subject, message.payload, { ...message.options, timeoutMs, signal: interruption() })) {
    if (context.isJson) await printJson(envelopeOf(answer))
    // A stream may end with an empty answer after its parts: there is nothing to show then.
    else if (!(answer.isLast && answer.payload.length === 0)) await print(payloadText(answer.value))
  }
}

async function sendOnly(context: Context, client: Client, subject: string, message: SentMessage, options: SendOptions): Promise<void> {
  const { receivers, stored, isDuplicate } = await client.publish(subject, message.payload, { ...message.options, receipt: true })
  if (options.to !== undefined && receivers === 0 && isDuplicate !== true) {
    throw new Failure({ code: 'request.no_responders', message: `nobody takes what is sent to ${subject.slice('$CB.to.'.length).replace('.', ':')}`, hint: `callboard ipc connections shows who is connected; NATS clients are reached where they subscribe to ${subject}`, details: { subject } })
  }
  if (context.isJson) return printJson({ subject, receivers, ...(stored !== undefined && { stored }), ...(isDuplicate && { isDuplicate }) })
  await print(`sent to ${subject}: ${receiptText({ receivers, stored, isDuplicate })}`)
  if (receivers === 0 && isDuplicate !== true) note('hint: nobody listens there now; callboard agents and callboard ipc connections show who runs')
}

/** Headers that ask everybody on the way to record spans; says under which id they are found. */
function beginTrace(): Record<string, string> {
  const traceId = randomBytes(16).toString('hex')
  note(`trace ${traceId}`)
  return { [TRACEPARENT]: writeTraceparent({ traceId, spanId: randomBytes(8).toString('hex'), flags: 1 }) }
}
