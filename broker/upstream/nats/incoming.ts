// What comes from the servers, as frames for the clients of this broker. A server is believed nothing: what does not belong to the
// subscription under which it came is passed by.
//
//   P   a plain pattern          every receiver here, once however many patterns match     (interest.ts)
//   P   the broker's inbox       the answer, or 503: nobody answers                        (asked.ts)
//   P   $CB.all, $CB.to.…        whoever is addressed
//   Q   a queue group            its member whose turn it is

import type { BusGate } from '../../ground/bus.ts'
import type { MovedArrival } from '../../ground/handover.ts'
import { Flag, Kind } from '../../ground/kind.ts'
import { SERVICE_PREFIX } from '../../ground/registry.ts'
import { matchesPattern, parsePattern, parseSubject } from '../../ground/subject.ts'
import { headerStatus, headerValue } from '../../wire/nats/header-block.ts'
import { nativeFrame } from '../../wire/nats/native-frame.ts'
import { decodeFrame, encodeFrame } from '../../wire/frame.ts'
import type { Asked } from './asked.ts'
import { Epochs } from './epochs.ts'
import type { Interest, Wanted } from './interest.ts'
import { isPeerId, type PeerWord } from './peers.ts'
import type { SharedSubjects } from './shared-subjects.ts'
import { Word } from './words.ts'

export interface IncomingOptions {
  readonly gate: BusGate
  readonly subjects: SharedSubjects
  readonly interest: Interest
  readonly asked: Asked
  /** Id of this one. */
  readonly broker: string
  /** Time for answers to a request that says none. ms */
  readonly timeoutMs: number
  /** `$CB.bus.<broker>`: what is sent below it is for this broker alone. */
  readonly home: string
  /** Another broker said something. */
  readonly onWord: (peer: string, word: PeerWord) => void
  /** Tells whoever asks at `reply` that nobody answers. */
  readonly decline: (reply: string) => void
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1

export class Incoming {
  readonly #options: IncomingOptions
  readonly #epochs: Epochs
  /** Messages that belonged to no subscription, or were not what they should be. */
  strays = 0
  /** Messages of links that their brokers had left. */
  late = 0

  constructor(options: IncomingOptions) {
    this.#options = options
    this.#epochs = new Epochs(options.broker)
  }

  /** The link is joined anew, and this is the mark of what goes out by it. */
  joined(mark: string): void {
    this.#epochs.isCurrent(mark)
  }

  /** A message; `isQ`: it came on Q. */
  message(sid: number, isQ: boolean, subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): void {
    const wanted = this.#options.interest.wanted(sid)
    if (wanted === undefined || (wanted.group !== undefined) !== isQ || !this.#take(wanted, subject, validReply(reply), headers, payload)) this.strays++
  }

  /** True for what this broker has published itself: nothing of that comes back to it but what fell to a group's member here. */
  isEcho(group: string | undefined, headers: Uint8Array | undefined): boolean {
    const mark = headers && headerValue(headers, Word.link)
    return mark !== undefined && group === undefined && this.#epochs.isOwn(mark)
  }

  /** A message that came to the link of the process of this broker before this one. */
  moved({ pattern, group, isOwn, subject, reply, headers, payload }: MovedArrival): void {
    if (!this.#take({ sid: 0, pattern, tokens: parsePattern(pattern), group, isOwn }, subject, validReply(reply), headers, payload)) this.strays++
  }

  /** An answer of a client here to a request of a client here: nothing that P publishes comes back on P. */
  loopback(frame: Uint8Array, origin: number, id: number): void {
    const { gate } = this.#options
    if (!gate.awaits(origin, id)) return
    const { kind, flags, headers, payload } = decodeFrame(frame, 0, frame.length)
    gate.answered(encodeFrame({ kind, flags: flags & Flag.payloadType, origin: gate.number, id: gate.nextId(), time: gate.wallMicros(), to: origin, ref: id, headers, payload }))
  }

  #take(wanted: Wanted, subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): boolean {
    const { asked } = this.#options
    const mark = headers && headerValue(headers, Word.link)
    if (this.isEcho(wanted.group, headers)) return true
    if (mark !== undefined && !this.#epochs.isCurrent(mark)) {
      this.late++
      return true
    }
    const request = asked.requestOf(subject)
    if (request !== undefined) return wanted.isOwn && this.#answer(request, headers, payload)
    const tokens = tokensOf(subject)
    if (tokens === undefined || !matchesPattern(wanted.tokens, tokens)) return false
    const peer = mark?.split(' ', 1)[0]
    if (wanted.isOwn) return this.#word(subject, peer) || this.#addressed(subject, reply, headers, payload)
    if (!this.#options.subjects.hasSubject(tokens)) return true
    this.#arrived(subject, reply, headers, payload, wanted.group === undefined ? undefined : { pattern: wanted.pattern, name: wanted.group })
    return true
  }

  #answer({ origin, id }: { readonly origin: number; readonly id: number }, headers: Uint8Array | undefined, payload: Uint8Array): boolean {
    const { gate } = this.#options
    // Late, or one of several where one was wanted.
    if (!gate.awaits(origin, id)) return true
    if (headers !== undefined && payload.length === 0 && headerStatus(headers) === '503') {
      gate.declined(origin, id)
      return true
    }
    gate.answered(nativeFrame({ subject: '', kind: Kind.response, origin: gate.number, id: gate.nextId(), timeMicros: gate.wallMicros(), to: origin, ref: id, headers, payload, isSenderChecked: true }))
    return true
  }

  #word(subject: string, peer: string | undefined): boolean {
    const { home, onWord } = this.#options
    const word = subject === '$CB.bus.hello' ? 'hello' : subject === '$CB.bus.bye' ? 'bye' : subject === `${home}.here` ? 'here' : undefined
    if (word === undefined || peer === undefined || !isPeerId(peer)) return false
    onWord(peer, word)
    return true
  }

  // `$CB.bus.<this broker>.to.client.x` is `$CB.to.client.x`, and for nobody but this broker.
  #addressed(subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array): boolean {
    const { home } = this.#options
    const isHome = subject.startsWith(`${home}.`)
    const address = isHome ? `$CB.${subject.slice(home.length + 1)}` : subject
    if (address !== '$CB.all' && !address.startsWith('$CB.to.')) return false
    // Names of instances are each broker's own: asked of all, each would have it answered.
    if (address.startsWith(SERVICE_PREFIX)) return true
    this.#arrived(address, reply, headers, payload, undefined, isHome)
    return true
  }

  #arrived(subject: string, reply: string | undefined, headers: Uint8Array | undefined, payload: Uint8Array, group?: { readonly pattern: string; readonly name: string }, isOurs = group !== undefined): void {
    const { gate, asked, timeoutMs, decline } = this.#options
    const id = gate.nextId()
    const isRequest = reply !== undefined && gate.mayAsk
    const common = { subject, origin: gate.number, id, timeMicros: gate.wallMicros(), headers, payload, isSenderChecked: true }
    if (!isRequest) {
      gate.arrived(nativeFrame({ ...common, kind: Kind.publish, replyTo: reply }), group)
      return
    }
    asked.add(id, { reply, isOurs })
    // Whoever asks beyond takes as many answers as it likes.
    const { receivers } = gate.arrived(nativeFrame({ ...common, kind: Kind.request, flags: Flag.many, to: timeoutOf(headers) ?? timeoutMs }), group)
    if (receivers > 0) return
    asked.delete(id)
    if (isOurs) decline(reply)
  }
}

function tokensOf(subject: string): string[] | undefined {
  try {
    return parseSubject(subject)
  } catch {
    return undefined
  }
}

function validReply(reply: string | undefined): string | undefined {
  return reply === undefined || tokensOf(reply) === undefined ? undefined : reply
}

function timeoutOf(headers: Uint8Array | undefined): number | undefined {
  const asked = headers === undefined ? undefined : headerValue(headers, Word.timeout)
  const ms = asked !== undefined && /^\d{1,10}$/.test(asked) ? Number(asked) : 0
  return ms >= 1 && ms <= MAX_TIMEOUT_MS ? ms : undefined
}
