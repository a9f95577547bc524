// Routes of reply subjects. Each is used once, so none is remembered; what they share is: subjects below one inbox that
// differ in the last token have the same receivers, unless somebody subscribed, or has a rule, for one of them alone.
//
//   _INBOX.k3f9.1   _INBOX.k3f9.2   …      receivers of `_INBOX.k3f9.`, found once

import { parseSubject } from '../ground/subject.ts'
import { Route, type Changes, type Receivers } from './route.ts'

/** Inboxes that are remembered; past it all are forgotten. */
const MAX_INBOXES = 16_384

const NO_BYTES = new Uint8Array(0)
const DOT = 0x2e
// The bytes need not be a Buffer, and one made around them costs more than the text.
const { latin1Slice } = Buffer.prototype as unknown as { readonly latin1Slice: (this: Uint8Array, start: number, end: number) => string }

interface Inbox {
  receivers: Receivers
  verdicts: Route['foreignVerdicts']
  changes: Changes
  builtToken: number
  builtGlobal: number
}

/** What is found for a subject, and what it rests on. */
export interface InboxBuilder {
  build(tokens: readonly string[], subject: string): Receivers
  /** True when subjects that begin with these tokens and have one more differ in who may send or receive them, or in who asked for them. */
  dependsOnLast(prefix: readonly string[]): boolean
}

export class InboxRoutes {
  readonly #builder: InboxBuilder
  readonly #inboxes = new Map<string, Inbox>()

  constructor(builder: InboxBuilder) {
    this.#builder = builder
  }

  forget(): void {
    this.#inboxes.clear()
  }

  /**
   * The route of a subject of plain ASCII below an inbox; undefined for any other, and where what it is called decides.
   * `changes` and `global`: the counters as they stand.
   */
  find(bytes: Uint8Array, start: number, end: number, changes: Changes, global: number): Route | undefined {
    const dotAt = lastDot(bytes, start, end)
    if (dotAt < 0) return undefined
    const subject = latin1Slice.call(bytes, start, end)
    const key = subject.slice(0, dotAt - start)
    let inbox = this.#inboxes.get(key)
    if (inbox === undefined || inbox.builtGlobal !== global || inbox.changes !== changes || inbox.builtToken !== changes.count) {
      inbox = this.#open(key, subject, changes, global)
      if (inbox === undefined) return undefined
    }
    const route = new Route(subject, subject.split('.'), NO_BYTES, 0, changes, inbox.receivers, inbox.verdicts)
    route.builtToken = changes.count
    route.builtGlobal = global
    return route
  }

  #open(key: string, subject: string, changes: Changes, global: number): Inbox | undefined {
    const tokens = parseSubject(subject)
    if (this.#builder.dependsOnLast(tokens.slice(0, -1))) return undefined
    const receivers = this.#builder.build(tokens, subject)
    // Who answers by frames needs the subject's bytes.
    if (receivers.answersFrames) return undefined
    if (this.#inboxes.size >= MAX_INBOXES) this.#inboxes.clear()
    const inbox: Inbox = { receivers, verdicts: [], changes, builtToken: changes.count, builtGlobal: global }
    this.#inboxes.set(key, inbox)
    return inbox
  }
}

// Where the last token's dot stands; -1 unless all are visible ASCII without wildcards, and the last token is not empty.
function lastDot(bytes: Uint8Array, start: number, end: number): number {
  let dotAt = -1
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if (byte === DOT) dotAt = i
    else if (byte <= 0x20 || byte >= 0x7f || byte === 0x2a || byte === 0x3e) return -1
  }
  return dotAt === end - 1 ? -1 : dotAt
}
