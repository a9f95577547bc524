// A stored message as people and tools see it, and as filters do.

import { controlAccount, type Core } from './core.ts'
import type { FilterMessage } from './ground/filter.ts'
import { Flag, Kind } from './ground/kind.ts'
import { decodePayload } from './ground/payload.ts'
import type { PayloadType } from './ground/payload-type.ts'
import type { QueuedInfo } from './ground/queue-api.ts'
import { Slice } from './ground/slice.ts'
import type { StoredMessage } from './ground/store.ts'
import { lazyMessage, previewOf } from './selection.ts'
import { decodeFrame, type Frame } from './wire/frame.ts'

/** Characters of a payload that are always shown. */
const PREVIEW_CHARACTERS = 200

/** One message of a page, decoded as far as it is asked for. */
export class StoredView {
  readonly #core: Core
  readonly #stored: StoredMessage
  #frame: Frame | undefined

  constructor(core: Core, stored: StoredMessage) {
    this.#core = core
    this.#stored = stored
  }

  get position(): number {
    return this.#stored.position
  }

  get payloadBytes(): number {
    return this.#decoded.payload.length
  }

  /** What a filter looks at. */
  message(): FilterMessage {
    return lazyMessage(this.#slice(), this.#decoded.subject, this.#sender())
  }

  info(withPayload: boolean): QueuedInfo {
    const { position, state, attempts, storedAtMs, dueAtMs, expiresAtMs, messageId, session, lastError, death } = this.#stored
    const { kind, subject, time, headers, payload } = this.#decoded
    const sender = this.#sender()
    return {
      position,
      state,
      kind: kind === Kind.request ? 'request' : 'publish',
      subject,
      ...(sender === undefined ? {} : { sender }),
      time,
      attempts,
      storedAt: storedAtMs,
      dueAt: dueAtMs,
      expiresAt: expiresAtMs,
      ...(messageId === undefined ? {} : { mid: messageId }),
      ...(session === undefined ? {} : { session }),
      ...(lastError === undefined ? {} : { lastError }),
      ...(death === undefined ? {} : { death: { reason: death.reason, at: death.atMs, history: death.history } }),
      ...(headers === undefined ? {} : { headers }),
      bytes: payload.length,
      preview: previewOf(this.#slice()).slice(0, PREVIEW_CHARACTERS),
      ...(withPayload ? this.#payload() : {}),
    }
  }

  get #decoded(): Frame {
    const { frame } = this.#stored
    return (this.#frame ??= decodeFrame(frame, 0, frame.length))
  }

  #slice(): Slice {
    const { frame } = this.#stored
    return new Slice(frame, 0, frame.length, 0, controlAccount)
  }

  // A number of an earlier incarnation may be that of somebody else by now.
  #sender(): string | undefined {
    const { clock, startedAtMs, directory } = this.#core
    const { origin, time } = this.#decoded
    const startedMicros = clock.wallMicros() - (clock.monotonicMs() - startedAtMs) * 1000
    return time < startedMicros ? undefined : directory.nameOf(origin)
  }

  // What cannot be decoded is told by the preview alone.
  #payload(): { readonly payload?: unknown } {
    const { flags, payload } = this.#decoded
    if ((flags & Flag.compressed) !== 0) return {}
    try {
      return { payload: decodePayload((flags & Flag.payloadType) as PayloadType, payload) }
    } catch {
      return {}
    }
  }
}
