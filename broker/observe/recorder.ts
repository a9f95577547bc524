// The flight recorder: the last runs that were routed, always on, in arrays that never grow.
//
// One entry per run, not per message, and no object per entry: recording is a few array stores. A receiver's fate is not
// written down when all goes well: it follows from how far its kernel has taken what it was given (`writtenRun` of its
// outbound). What goes otherwise stands in `exceptions`, which plain runs cannot evict.

import type { DropReason } from '../ground/fate.ts'
import { Exceptions } from './exceptions.ts'
import { Snapshots } from './snapshots.ts'

/** One remembered run. */
export interface RecordedRun {
  /** Position since the start, from 0. */
  readonly seq: number
  readonly timeMicros: number
  readonly origin: number
  readonly firstId: number
  readonly kind: number
  readonly subject: string
  /** Messages in the run. */
  readonly count: number
  readonly bytes: number
  /** Receivers of each message. */
  readonly receivers: number
  /** The sender's own string id. */
  readonly mid: string | undefined
  /** response, part, error: origin and id of the request. */
  readonly to: number
  readonly ref: number
  /** When permission was given, where that took a while. µs since it was received, 0 = at once */
  readonly authorisedMicros: number
  /** When the turn's writes began, by which it was routed, and when they had been made. µs since it was received; -1: the turn goes on */
  readonly routedMicros: number
  readonly writtenMicros: number
  /** Some delivery of it was dropped while its receiver stayed, or was written later than its turn. */
  readonly hasExceptions: boolean
}

/** What there is to say of a run beside its place: kept for messages of their own only. */
export interface RunDetails {
  readonly mid?: string | undefined
  readonly to?: number
  readonly ref?: number
  readonly authorisedMicros?: number
}

const Mark = { exceptions: 1, mid: 2, exceptSender: 4 } as const
/** Who received a run: nobody, one connection, or a snapshot. */
const NOBODY = 0

export class Recorder {
  readonly exceptions = new Exceptions()
  readonly snapshots: Snapshots
  readonly #mask: number
  readonly #times: Float64Array
  readonly #ids: Float64Array
  readonly #refs: Float64Array
  /** Above 0 the number of the only receiver, below 0 a snapshot, 0 nobody. */
  readonly #targets: Float64Array
  readonly #origins: Uint32Array
  readonly #tos: Uint32Array
  readonly #kinds: Uint8Array
  readonly #marks: Uint8Array
  readonly #counts: Uint32Array
  readonly #bytes: Uint32Array
  readonly #receivers: Uint32Array
  readonly #authorised: Float32Array
  readonly #routed: Float32Array
  readonly #written: Float32Array
  readonly #subjects: string[]
  readonly #mids = new Map<number, string>()
  readonly #byMid = new Map<string, number>()
  #next = 0
  /** Runs before this have their times of writing. */
  #timed = 0

  /** `entries` is a power of two. */
  constructor(entries: number) {
    this.#mask = entries - 1
    this.snapshots = new Snapshots(entries)
    this.#times = new Float64Array(entries)
    this.#ids = new Float64Array(entries)
    this.#refs = new Float64Array(entries)
    this.#targets = new Float64Array(entries)
    this.#origins = new Uint32Array(entries)
    this.#tos = new Uint32Array(entries)
    this.#kinds = new Uint8Array(entries)
    this.#marks = new Uint8Array(entries)
    this.#counts = new Uint32Array(entries)
    this.#bytes = new Uint32Array(entries)
    this.#receivers = new Uint32Array(entries)
    this.#authorised = new Float32Array(entries)
    this.#routed = new Float32Array(entries)
    this.#written = new Float32Array(entries)
    this.#subjects = []
  }

  /** How many runs it remembers. */
  get entries(): number {
    return this.#mask + 1
  }

  /** Position that the next run gets. */
  get next(): number {
    return this.#next
  }

  /** Position of the oldest run that is still known. */
  get oldest(): number {
    return Math.max(0, this.#next - this.#mask - 1)
  }

  /**
   * Remembers a run at position `next`. `target`: the number of its only receiver, `-snapshot` of its receivers, or 0;
   * `exceptSender`: the sender stands in the snapshot and did not get it.
   */
  record(timeMicros: number, origin: number, firstId: number, kind: number, subject: string, count: number, bytes: number, receivers: number, target: number, exceptSender: boolean): void {
    const at = this.#next++ & this.#mask
    if ((this.#marks[at]! & Mark.mid) !== 0) this.#forgetMid(this.#next - this.#mask - 2)
    this.#times[at] = timeMicros
    this.#ids[at] = firstId
    this.#origins[at] = origin
    this.#kinds[at] = kind
    this.#marks[at] = exceptSender ? Mark.exceptSender : 0
    this.#counts[at] = count
    this.#bytes[at] = bytes
    this.#receivers[at] = receivers
    this.#targets[at] = target
    this.#subjects[at] = subject
    this.#authorised[at] = 0
    this.#written[at] = -1
  }

  /** How many got the run that was recorded last, where that is known only now. */
  received(receivers: number): void {
    this.#receivers[(this.#next - 1) & this.#mask] = receivers
  }

  /** Adds what is known of the run that was recorded last. */
  detail({ mid, to = 0, ref = 0, authorisedMicros = 0 }: RunDetails): void {
    const seq = this.#next - 1
    const at = seq & this.#mask
    this.#tos[at] = to
    this.#refs[at] = ref
    this.#authorised[at] = authorisedMicros
    if (mid === undefined) return
    this.#marks[at]! |= Mark.mid
    this.#mids.set(seq, mid)
    this.#byMid.set(mid, seq)
  }

  /** The writes of a turn began and were made at these times: those of the runs that were recorded in it. µs since the epoch */
  flushed(beganMicros: number, endedMicros: number): void {
    for (let seq = Math.max(this.#timed, this.oldest); seq < this.#next; seq++) {
      const at = seq & this.#mask
      this.#routed[at] = beganMicros - this.#times[at]!
      this.#written[at] = endedMicros - this.#times[at]!
    }
    this.#timed = this.#next
  }

  /** A delivery of run `seq` was dropped while its receiver stayed. */
  dropped(seq: number, receiver: number, reason: DropReason, count: number, timeMicros: number, isContinued: boolean): void {
    this.#mark(seq)
    this.exceptions.add(reason, receiver, seq, seq, count, timeMicros, isContinued)
  }

  /** The receiver's kernel took the runs `from`..`to` later than in their turn. */
  late(receiver: number, from: number, to: number, timeMicros: number): void {
    for (let seq = Math.max(from, this.oldest); seq <= to; seq++) this.#mark(seq)
    this.exceptions.add('late', receiver, from, to, 0, timeMicros, false)
  }

  /** The run at a position; undefined when it is not known any more, or not yet. */
  at(seq: number): RecordedRun | undefined {
    if (seq < this.oldest || seq >= this.#next) return undefined
    const at = seq & this.#mask
    const kind = this.#kinds[at]!
    const answers = kind > 2
    return {
      seq,
      timeMicros: this.#times[at]!,
      origin: this.#origins[at]!,
      firstId: this.#ids[at]!,
      kind,
      subject: this.#subjects[at]!,
      count: this.#counts[at]!,
      bytes: this.#bytes[at]!,
      receivers: this.#receivers[at]!,
      mid: this.#mids.get(seq),
      to: answers ? this.#tos[at]! : 0,
      ref: answers ? this.#refs[at]! : 0,
      authorisedMicros: this.#authorised[at]!,
      routedMicros: this.#written[at]! < 0 ? -1 : this.#routed[at]!,
      writtenMicros: this.#written[at]!,
      hasExceptions: (this.#marks[at]! & Mark.exceptions) !== 0,
    }
  }

  /** Sender and first id of the run at a position, which is known. */
  originOf(seq: number): number {
    return this.#origins[seq & this.#mask]!
  }

  firstIdOf(seq: number): number {
    return this.#ids[seq & this.#mask]!
  }

  subjectOf(seq: number): string {
    return this.#subjects[seq & this.#mask]!
  }

  /** As it was recorded: the number of the only receiver of run `seq`, `-snapshot` of several, or 0. The same for runs that went to the same ones. */
  targetOf(seq: number): number {
    return this.#targets[seq & this.#mask]!
  }

  /** Numbers of the connections that run `seq` went to; undefined: they are not known any more. */
  receiversOf(seq: number): readonly number[] | undefined {
    const at = seq & this.#mask
    const target = this.#targets[at]!
    if (target === NOBODY) return []
    if (target > 0) return [target]
    const numbers = this.snapshots.get(-target)
    if (numbers === undefined || (this.#marks[at]! & Mark.exceptSender) === 0) return numbers
    const origin = this.#origins[at]!
    return numbers.filter((number) => number !== origin)
  }

  /** False: all that went to somebody was written, or waits. */
  mayBeLost(seq: number): boolean {
    const at = seq & this.#mask
    return this.#receivers[at] === 0 || (this.#marks[at]! & Mark.exceptions) !== 0
  }

  /** Receivers left before they had taken the runs after `after`. */
  abandoned(after: number): void {
    for (let seq = Math.max(after + 1, this.oldest); seq < this.#next; seq++) this.#mark(seq)
  }

  /** Positions of the runs that hold message `id` of `origin`; several where it was answered under one number. */
  find(origin: number, id: number): number[] {
    const found: number[] = []
    for (let seq = this.#next - 1; seq >= this.oldest; seq--) {
      const at = seq & this.#mask
      if (this.#origins[at] === origin && this.#ids[at]! <= id && id < this.#ids[at]! + this.#counts[at]!) found.unshift(seq)
    }
    return found
  }

  /** Positions of the answers to request `id` of `origin`, in their order. */
  answersTo(origin: number, id: number): number[] {
    const found: number[] = []
    for (let seq = this.#next - 1; seq >= this.oldest; seq--) {
      const at = seq & this.#mask
      if (this.#kinds[at]! > 2 && this.#tos[at] === origin && this.#refs[at] === id) found.unshift(seq)
    }
    return found
  }

  /** The latest run that carried the sender's own id. */
  withMid(mid: string): number | undefined {
    return this.#byMid.get(mid)
  }

  #mark(seq: number): void {
    if (seq >= this.oldest && seq < this.#next) this.#marks[seq & this.#mask]! |= Mark.exceptions
  }

  #forgetMid(seq: number): void {
    const mid = this.#mids.get(seq)
    if (mid === undefined) return
    this.#mids.delete(seq)
    if (this.#byMid.get(mid) === seq) this.#byMid.delete(mid)
  }
}
