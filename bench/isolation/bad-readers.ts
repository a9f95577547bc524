// The three that others must not feel: one stops reading, one reads 10 KB/s, one dies with bytes before it and comes back.
// When all is published each reads to its end, and must then have got or been told of every message. Run by the bench.

import { setTimeout as sleep } from 'node:timers/promises'
import { decode } from '@msgpack/msgpack'
import type { Overflow } from '../../broker/ground/settings.ts'
import { decodeFrame } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import { Kind, Offset } from '../../broker/wire/layout.ts'
import { callboardDialect, greet } from '../load/callboard-dialect.ts'
import { Line } from '../load/line.ts'
import { SharedClock } from '../measure/shared-clock.ts'
import { Problems } from '../load/traffic.ts'
import { badReaders, SUBJECT, type BadOutcome, type BadReader, type BadReading, type Finish, type Plan, type Task, type Timing } from './job.ts'
import { until } from './until.ts'
import { Parent } from './worker.ts'

const MAX_FRAME_BYTES = 2 ** 21
/** 1,000 bytes every 100 ms: 10 KB/s. */
const SLOW_READ_BYTES = 1000
const SLOW_EVERY_MS = 100
/** A life of the crashing reader: it reads, then lets bytes wait, then dies, and is away for a while. */
const LIFE_MS = { reading: 500, waiting: 100, away: 100 }

const overflowOf: Readonly<Record<BadReader, Overflow>> = { paused: 'drop-oldest', slow: 'drop-newest', crashing: 'disconnect' }

const parent = new Parent()
const problems = new Problems()

async function crashAgainAndAgain(reader: Reader, isOn: () => boolean): Promise<void> {
  while (isOn()) {
    await sleep(LIFE_MS.reading)
    reader.pause()
    await sleep(LIFE_MS.waiting)
    reader.crash()
    await sleep(LIFE_MS.away)
    await reader.come()
    reader.returns++
  }
}

class Reader {
  readonly name: BadReader
  received = 0
  gapNotices = 0
  toldLost = 0
  returns = 0
  readonly #plan: Plan
  #line!: Line
  #resuming: NodeJS.Timeout | undefined
  #isSlow = false

  constructor(name: BadReader, plan: Plan) {
    this.name = name
    this.#plan = plan
  }

  async come(): Promise<void> {
    const { target, maxPendingBytes } = this.#plan
    // Small reads for the slow one: a usual read would be its fill for six seconds.
    const line = await Line.open(target.address, this.name === 'slow' ? Buffer.allocUnsafeSlow(SLOW_READ_BYTES) : undefined)
    await greet(line, target.credential, { flow: { overflow: overflowOf[this.name], ...(maxPendingBytes === 0 ? {} : { maxPendingBytes }) } })
    await callboardDialect.subscribe(line, [SUBJECT])
    const framer = new Framer(MAX_FRAME_BYTES)
    const sink = { frame: (bytes: Uint8Array, start: number, end: number) => this.#frame(bytes, start, end) }
    line.onLost = problem => problems.add(`${this.name} reader: ${problem}`)
    line.onBytes = bytes => {
      framer.push(bytes, sink)
      if (this.#isSlow) this.#rest()
    }
    this.#line = line
  }

  pause(): void {
    this.#line.socket.pause()
  }

  readSlowly(): void {
    this.#isSlow = true
    this.#rest()
  }

  readOn(): void {
    this.#isSlow = false
    clearTimeout(this.#resuming)
    this.#line.socket.resume()
  }

  /** Without a word, and with bytes unread. */
  crash(): void {
    this.#line.close()
  }

  reading(): BadReading {
    const { name: reader, received, gapNotices, toldLost, returns } = this
    return { reader, received, gapNotices, toldLost, returns }
  }

  #rest(): void {
    this.#line.socket.pause()
    this.#resuming = setTimeout(() => this.#line.socket.resume(), SLOW_EVERY_MS)
  }

  #frame(bytes: Uint8Array, start: number, end: number): void {
    const kind = bytes[start + Offset.kind]
    if (kind === Kind.publish) this.received++
    else {
      const { payload } = decodeFrame(bytes, start, end)
      if (kind === Kind.gap) {
        this.gapNotices++
        this.toldLost += (decode(payload) as { count: number }).count
      } else problems.add(`${this.name} reader: ${callboardDialect.describe(bytes.subarray(start, end))}`)
    }
  }
}

await parent.serve(async () => {
  const { plan, isBad } = await parent.next<Extract<Task, { kind: 'read-badly' }>>()
  const readers = badReaders.map(name => new Reader(name, plan))
  for (const reader of readers) await reader.come()
  parent.tell({ ready: true })
  const { windowMicros, endMicros } = await parent.next<Timing>()
  const clock = new SharedClock(plan.epoch)
  await sleep(Math.max(0, windowMicros - clock.now()) / 1000)
  const [paused, slow, crashing] = readers
  let lives: Promise<void> | undefined
  if (isBad) {
    paused!.pause()
    slow!.readSlowly()
    lives = crashAgainAndAgain(crashing!, () => clock.now() < endMicros)
  }
  const { published } = await parent.next<Finish>()
  await lives
  for (const reader of readers) reader.readOn()
  // Who crashed cannot know what came while it was away.
  const complete = readers.filter(reader => reader.returns === 0)
  await until(() => complete.every(reader => reader.received + reader.toldLost >= published) || problems.texts.length > 0)
  for (const { name, received, toldLost } of complete) {
    if (received + toldLost !== published) problems.add(`${name} reader: got ${received} and was told of ${toldLost} lost of ${published} messages`)
  }
  parent.tell({ readers: readers.map(reader => reader.reading()), problems: problems.texts } satisfies BadOutcome)
})
