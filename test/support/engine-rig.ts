// The engine of an embedded store without its thread: operations go in, answers come out, and time stands still until it is moved.

import { ByteReader } from '../../broker/store/embedded/byte-reader.ts'
import { ByteWriter } from '../../broker/store/embedded/byte-writer.ts'
import { Answer, type Answers } from '../../broker/store/embedded/answers.ts'
import { Engine } from '../../broker/store/embedded/engine.ts'
import type { AnyCall, FromThread, ToThread } from '../../broker/store/embedded/messages.ts'
import { writeAppend, writeDemand, writeForward, writeSettle } from '../../broker/store/embedded/operations.ts'
import { defaultStore, type StoreSettings } from '../../broker/ground/store-settings.ts'
import type { Append, Durability, Forward, QueueEvent, QueueSettings, Settlement } from '../../broker/ground/store.ts'
import { appendOf, queueSettings, textOf, type AppendOptions, type Overrides } from './queue-rig.ts'

export interface RigLease {
  readonly position: number
  readonly attempt: number
  readonly text: string
}

/** A day in 2026: milliseconds since the epoch. */
const NOON = 1_795_000_000_000

export class EngineRig {
  readonly #directory: string | undefined
  readonly #settings: StoreSettings['embedded']
  engine!: Engine
  wallMs = NOON
  steadyMs = 1000
  /** Outcomes of appends and settlements, in the order in which they were told. */
  outcomes: string[] = []
  leases: RigLease[] = []
  events: QueueEvent[] = []
  /** What is wrong, `works` when it is over, and damage with its place. */
  states: string[] = []
  damages: string[] = []
  #results: { readonly value: unknown; readonly error: string | undefined }[] = []
  #first = 0
  #next = 0
  /** What `run` said last: how long nothing is to do. ms */
  waitMs = 0

  /** @param directory undefined: in memory */
  constructor(directory?: string, settings: Partial<StoreSettings['embedded']> = {}) {
    this.#directory = directory
    this.#settings = { ...defaultStore.embedded, ...settings }
    this.open()
  }

  open(): void {
    const clocks = { wallMs: () => this.wallMs, steadyMs: () => this.steadyMs }
    this.engine = new Engine({ backend: this.#directory === undefined ? 'memory' : 'embedded', directory: this.#directory, settings: this.#settings }, (message) => this.#told(message), clocks)
  }

  /** A queue's number. */
  queue(name = 'jobs', overrides: Overrides = {}): number {
    return (this.call({ name: 'open', body: { name, settings: queueSettings(overrides) } }) as { queue: number }).queue
  }

  /** @throws Error with the code of what went wrong */
  call(call: AnyCall): unknown {
    const before = this.#results.length
    this.run([{ kind: 'call', number: 1, call }])
    for (let steps = 0; this.#results.length === before && steps < 1000; steps++) this.run([])
    const { value, error } = this.#results.at(-1)!
    if (error !== undefined) throw new Error(error)
    return value
  }

  /** Operations of one turn, as the main thread would send them. */
  turn(write: (turn: Turn) => void): void {
    this.turns(write)
  }

  /** A turn and calls that come with it, all in one group. */
  turns(write: (turn: Turn) => void, ...calls: readonly AnyCall[]): void {
    const writer = new ByteWriter()
    this.#first = this.#next
    const turn = new Turn(writer, () => void this.#next++)
    write(turn)
    this.run([{ kind: 'batch', memory: writer.take(), length: writer.length, first: this.#first, durability: turn.durability }, ...calls.map((call): ToThread => ({ kind: 'call', number: 1, call }))])
  }

  append(queue: number, texts: string | readonly string[], options: AppendOptions = {}): void {
    this.turn((turn) => turn.append(queue, texts, options))
  }

  demand(queue: number, more: number): void {
    this.turn((turn) => turn.demand(queue, more))
  }

  settle(queue: number, verdict: Settlement['verdict'], leases: readonly Pick<RigLease, 'position' | 'attempt'>[], more: Partial<Settlement> = {}): void {
    this.turn((turn) => turn.settle(queue, leases.map(({ position, attempt }) => ({ position, attempt, verdict, ...more }))))
  }

  change(queue: number, settings: QueueSettings): void {
    this.call({ name: 'change', body: { queue, settings } })
  }

  run(messages: readonly ToThread[]): void {
    this.waitMs = this.engine.run(messages)
  }

  /** Lets time pass on both clocks, and the engine do what is due. */
  pass(ms: number): void {
    this.wallMs += ms
    this.steadyMs += ms
    this.settleDown()
  }

  /** Until nothing is to be done at once. */
  settleDown(): void {
    for (let turns = 0; turns < 1000; turns++) {
      this.run([])
      if (this.waitMs > 0) return
    }
    throw new Error('the engine does not come to rest')
  }

  /** Closes it as a process that ends does: without a word to its queues. */
  reopen(): void {
    this.engine.close()
    this.leases = []
    this.outcomes = []
    this.events = []
    this.#first = this.#next = 0
    this.open()
  }

  #told(message: FromThread): void {
    if (message.kind === 'answers') this.#answers(message)
    else if (message.kind === 'result') this.#results.push({ value: message.value, error: message.error?.code })
    else if (message.kind === 'state') this.states.push(message.problem?.code ?? 'works')
    else if (message.kind === 'damage') this.damages.push(`${message.queue} ${message.position}: ${message.problem}`)
  }

  #answers({ memory, length, buffers, errors, events }: Answers): void {
    const reader = new ByteReader(memory, length)
    for (const [, happened] of events) this.events.push(...happened)
    while (!reader.isDone) {
      const kind = reader.u8()
      if (kind === Answer.leased) this.#leased(reader, buffers)
      else this.outcomes.push(outcomeText(kind, reader, errors.map(({ code }) => code)))
    }
  }

  #leased(reader: ByteReader, buffers: readonly ArrayBuffer[]): void {
    reader.u32()
    for (let left = reader.u32(); left > 0; left--) {
      const position = reader.f64()
      const attempt = reader.u32()
      const batch = reader.u32()
      const start = batch === 0 ? reader.at + 4 : reader.u32()
      const size = reader.u32()
      if (batch === 0) reader.at += size
      const bytes = batch === 0 ? reader.bytes : Buffer.from(buffers[batch - 1]!)
      this.leases.push({ position, attempt, text: textOf(bytes.subarray(start, start + size)) })
    }
  }
}

class Turn {
  readonly #writer: ByteWriter
  readonly #answered: () => void
  durability: Durability = 'os'

  constructor(writer: ByteWriter, answered: () => void) {
    this.#writer = writer
    this.#answered = answered
  }

  append(queue: number, texts: string | readonly string[], options: AppendOptions = {}): void {
    writeAppend(this.#writer, queue, rigAppend(texts, options))
    this.#answered()
  }

  demand(queue: number, more: number): void {
    writeDemand(this.#writer, queue, more)
  }

  settle(queue: number, settlements: readonly Settlement[]): void {
    writeSettle(this.#writer, queue, settlements)
    this.#answered()
  }

  /** To queues by the number that stands for their name. */
  forward(queue: number, forward: Forward): void {
    writeForward(this.#writer, queue, forward, Number)
    for (let i = 0; i <= forward.to.length; i++) this.#answered()
  }
}

/** An append whose outcome the rig tells, not its watch. */
function rigAppend(texts: string | readonly string[], options: AppendOptions = {}): Append {
  return appendOf(typeof texts === 'string' ? [texts] : texts, options, () => {}, options.durability ?? 'os')
}

function outcomeText(kind: number, reader: ByteReader, errors: readonly string[]): string {
  const number = reader.f64()
  switch (kind) {
    case Answer.stored: {
      const first = reader.f64()
      return `${number} stored ${first}+${reader.u32()}`
    }
    case Answer.duplicate:
      return `${number} duplicate ${reader.f64()}`
    case Answer.dropped:
      return `${number} dropped ${reader.u32()}`
    case Answer.refused: {
      const count = reader.u32()
      return `${number} refused ${count} ${errors[reader.u32()]}`
    }
    case Answer.settled: {
      const lost = Array.from({ length: reader.u32() }, () => reader.f64())
      return lost.length === 0 ? `${number} settled` : `${number} settled but ${lost.join(' ')}`
    }
    default:
      return `${number} unsettled ${errors[reader.u32()]}`
  }
}
