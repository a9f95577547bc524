// The broker as a responder: takes requests on `$CB.api.<method>` and answers them, and the one of NATS clients for what
// they are.

import type { BrokerView, Caller } from './api/methods.ts'
import { callMethod } from './api/methods.ts'
import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { BrokerError } from './ground/errors.ts'
import { Flag, Kind } from './ground/kind.ts'
import { decodePayload, encodePayload } from './ground/payload.ts'
import { PayloadType } from './ground/payload-type.ts'
import type { Sink, Slice } from './ground/slice.ts'
import { traceFields } from './ground/trace-context.ts'
import { USER_INFO } from './ground/subject.ts'
import { userInfo } from './user-info.ts'
import { nativeSlice } from './variant.ts'
import { decodeFrame, type Frame } from './wire/frame.ts'
import { frameEnd } from './wire/regroup.ts'

const PREFIX = '$CB.api.'

/** A call of a method on its way. */
export interface UnansweredCall {
  readonly connection: Connection
  readonly ref: number
  readonly subject: string
}

export class Service implements Sink {
  readonly number = 0
  readonly answersFrames = true
  readonly #core: Core
  readonly #view: BrokerView

  /** Calls that are not answered yet. */
  readonly unanswered = new Set<UnansweredCall>()

  constructor(core: Core, view: BrokerView) {
    this.#core = core
    this.#view = view
  }

  deliver(slice: Slice): boolean {
    // It is here: nothing waits for a kernel.
    slice.account.written += slice.count
    slice.watch?.settled(this.number, 'written', slice.count)
    const { bytes, start: first, end: last } = nativeSlice(slice)
    for (let start = first; start < last; ) {
      const end = frameEnd(bytes, start)
      const frame = decodeFrame(bytes, start, end)
      const connection = this.#core.directory.number(frame.origin)
      if (connection !== undefined) void this.#answer(connection, frame)
      start = end
    }
    return true
  }

  async #answer(connection: Connection, frame: Frame): Promise<void> {
    const { id, subject, kind } = frame
    const address = { to: connection.number, ref: id, subject, ...replyOf(connection, frame) }
    const call = { connection, ref: id, subject }
    this.unanswered.add(call)
    try {
      if (subject === USER_INFO) return this.#tellUser(connection, address)
      if (kind !== Kind.request) throw new BrokerError('frame.unsupported', { feature: `publishing to ${subject} (send a request)` })
      const type = typeOf(connection, frame)
      const params = frame.payload.length === 0 ? undefined : decodePayload(type, frame.payload)
      const answer = await callMethod(subject.slice(PREFIX.length), params, callerOf(connection), this.#view)
      const isJson = type === PayloadType.json || type === PayloadType.text
      const payload = encodePayload(answer, { json: isJson })
      if (connection.isPresent) this.#core.send(connection, { kind: Kind.response, flags: payload.type, ...address, payload: payload.bytes })
    } catch (error) {
      const known = BrokerError.from(error)
      if (known.code === 'internal.error') this.#core.log.error({ err: known.cause, subject, ...traceFields(frame.headers) }, 'a method failed')
      if (connection.isPresent) this.#core.send(connection, { kind: Kind.error, ...address, body: known.toBody() })
    } finally {
      this.unanswered.delete(call)
    }
  }

  // Without headers, as nats-server answers it.
  #tellUser(connection: Connection, address: { readonly replyTo?: string; readonly to: number; readonly ref: number; readonly subject: string }): void {
    if (address.replyTo === undefined || !connection.isPresent) return
    this.#core.send(connection, { kind: Kind.response, flags: PayloadType.bytes, ...address, payload: Buffer.from(JSON.stringify(userInfo(this.#core, connection))) })
  }
}

// Who does not answer by frames does not get answers by them either.
function replyOf({ answersFrames }: Connection, { headers }: Frame): { readonly replyTo?: string } {
  const replyTo = headers?.['replyTo']
  return !answersFrames && typeof replyTo === 'string' ? { replyTo } : {}
}

// Clients whose protocol has no payload types mean JSON.
function typeOf({ answersFrames }: Connection, { flags }: Frame): PayloadType {
  const type = (flags & Flag.payloadType) as PayloadType
  return !answersFrames && type === PayloadType.bytes ? PayloadType.json : type
}

function callerOf({ permissions, id, client }: Connection): Caller {
  return { principal: permissions!.name, roles: permissions!.roles, connection: id, client }
}
