// One requester with a fixed number of requests in flight, and the responder that answers each.

import type { ExchangeWorkload } from '../workloads.ts'
import { Checker } from './checker.ts'
import { Chunk } from './chunk.ts'
import type { Dialect } from './dialect.ts'
import type { OpenLine } from './flow-traffic.ts'
import { writeMessages, type Line } from './line.ts'
import { patternBytes } from './payload.ts'
import { Responder } from './responder.ts'
import { Problems, type Traffic } from './traffic.ts'

const SUBJECT = 'bench.exchange'

/** With `isChecked` the requester parses every answer, otherwise it counts bytes. The responder always looks at each request. */
export async function openExchange(workload: ExchangeWorkload, dialect: Dialect, openLine: OpenLine, isChecked: boolean): Promise<Traffic> {
  const problems = new Problems()
  const payload = patternBytes(workload.payloadBytes)
  const request = dialect.request(SUBJECT, payload)
  const response = dialect.response(SUBJECT, payload)

  const responderLine = await openLine()
  await dialect.subscribe(responderLine, [SUBJECT])
  responderLine.onLost = problem => problems.add(`responder: ${problem}`)
  const responder = new Responder(responderLine, dialect, request, response, workload)
  responderLine.onBytes = bytes => responder.received(bytes)

  const line = await openLine()
  await dialect.subscribe(line, dialect.answerPatterns)
  line.onLost = problem => problems.add(`requester: ${problem}`)
  const firstNumber = dialect.firstNumber(line)
  const requester = new Requester(line, new Chunk(Array<Uint8Array>(workload.inFlight).fill(request.bytes), request.numbering, line.isMasked ? 'each' : 'bare'), firstNumber, workload.isBatched)
  problems.onFirst = () => requester.settle()

  if (isChecked) {
    const expectation = { receiver: 'requester', subject: undefined, payload, skipBytes: dialect.numberedPayloadBytes, firstNumber, step: 1 }
    const checker = new Checker(expectation, problems)
    let answers = 0
    const parse = dialect.parser(message => {
      answers++
      checker.check(message)
    })
    line.onBytes = bytes => {
      answers = 0
      try {
        parse(bytes)
      } catch (error) {
        problems.add(String(error))
      }
      requester.answered(answers)
    }
  } else {
    let receivedBytes = 0
    let counted = 0
    line.onBytes = bytes => {
      receivedBytes += bytes.length
      const answers = Math.floor(receivedBytes / response.deliveredBytes) - counted
      counted += answers
      requester.answered(answers)
    }
  }

  return {
    start: limit => requester.start(limit),
    stop: () => requester.stop(),
    deliveries: () => responder.requests + requester.answers,
    settled: () => requester.settled,
    problems: () => (requester.open === 0 ? problems.texts : [...problems.texts, `requester: ${requester.open} requests were not answered`]),
  }
}

/** Keeps the window full: as many new requests as answers came. */
class Requester {
  readonly settled: Promise<void>
  settle: () => void = () => {}
  answers = 0
  open = 0
  readonly #line: Line
  readonly #isBatched: boolean
  #chunk: Chunk
  #nextNumber: number
  #lastNumber = Infinity
  #isStopped = true

  constructor(line: Line, chunk: Chunk, firstNumber: number, isBatched: boolean) {
    this.#isBatched = isBatched
    this.#line = line
    this.#chunk = chunk
    this.#nextNumber = firstNumber
    this.settled = new Promise(resolve => (this.settle = resolve))
  }

  start(limit = Infinity): void {
    this.#lastNumber = this.#nextNumber + limit
    this.#isStopped = false
    this.#send(this.#chunk.messages)
  }

  stop(): void {
    this.#isStopped = true
    if (this.open === 0) this.settle()
  }

  answered(count: number): void {
    this.answers += count
    this.open -= count
    if (!this.#isStopped) this.#send(count)
    else if (this.open === 0) this.settle()
  }

  #send(count: number): void {
    if (count === 0) return
    this.#chunk.renumber(this.#nextNumber, count)
    this.#nextNumber += count
    this.open += count
    if (this.#nextNumber >= this.#lastNumber) this.#isStopped = true
    this.#chunk = writeMessages(this.#line, this.#chunk, count, this.#isBatched)
  }
}
