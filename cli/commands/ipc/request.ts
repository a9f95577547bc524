// `callboard ipc request`: one question, to a name, a channel, a subject or one receiver, and its answer.

import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { send, type SendOptions } from './send.ts'

interface RequestOptions extends Omit<SendOptions, 'wait'> {
  /** Its subject. */
  readonly service?: string
  readonly range?: string
  readonly affinity?: string
}

export async function request(context: Context, { service, range, affinity, ...options }: RequestOptions): Promise<void> {
  if (service === undefined && (range !== undefined || affinity !== undefined)) throw Failure.usage('--range and --affinity choose among the instances of a name', 'name one with --service NAME')
  if ([service, options.to, options.subject, options.channel].every(each => each === undefined)) throw Failure.usage('no destination', 'name one with --service NAME, --to ADDRESS, --channel NAME or --subject SUBJECT')
  const headers = { ...(range !== undefined && { version: range }), ...(affinity !== undefined && { affinity }) }
  await send(context, { ...options, ...(service !== undefined && { to: service }), wait: true, headers })
}
