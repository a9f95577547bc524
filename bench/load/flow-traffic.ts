// Sets up publishers and receivers of a flow workload and watches what arrives.

import type { FlowWorkload } from '../workloads.ts'
import { Checker } from './checker.ts'
import { Chunk, messagesPerWrite, type Framing } from './chunk.ts'
import type { Dialect, Encoded } from './dialect.ts'
import { Flow } from './flow.ts'
import type { Line } from './line.ts'
import { patternBytes } from './payload.ts'
import { Problems, type Traffic } from './traffic.ts'

/** Opens an authenticated line. */
export type OpenLine = () => Promise<Line>

/** With `isChecked` receivers parse everything they get, otherwise they count bytes. */
export async function openFlows(workload: FlowWorkload, dialect: Dialect, openLine: OpenLine, isChecked: boolean): Promise<Traffic> {
  const problems = new Problems()
  const payload = patternBytes(workload.payloadBytes)
  const flows: Flow[] = []
  const noiseBytes = dialect.noise.length * workload.subjectsPerPublisher * workload.receiversPerSubject
  let messageBytes = 0
  let unsettled = workload.publishers
  let resolveSettled: () => void = () => {}
  const settled = new Promise<void>(resolve => (resolveSettled = resolve))
  problems.onFirst = resolveSettled
  const onSettled = (): void => {
    unsettled--
    if (unsettled === 0) resolveSettled()
  }

  for (let p = 0; p < workload.publishers; p++) {
    const subjects = Array.from({ length: workload.subjectsPerPublisher }, (_, s) => subjectOf(p, s))
    const messages = subjects.map(subject => dialect.publish(subject, payload))
    const publisher = await openLine()
    publisher.onBytes = bytes => isNoise(dialect, bytes) || problems.add(`publisher ${p}: ${dialect.describe(bytes)}`)
    publisher.onLost = problem => problems.add(`publisher ${p}: ${problem}`)
    const first = messages[0]!
    messageBytes = first.deliveredBytes
    const firstNumber = dialect.firstNumber(publisher)
    const chunk = chunkOf(messages, workload.writeBytes, publisher.isMasked ? 'together' : 'bare')
    const { receiversPerSubject, windowMessages } = workload
    const flow = new Flow({ publisher, chunk, firstNumber, fanout: receiversPerSubject, deliveredBytes: messageBytes, windowMessages, onSettled })
    flows.push(flow)
    for (const [s, subject] of subjects.entries()) {
      for (let r = 0; r < receiversPerSubject; r++) {
        const receiver = await openLine()
        await dialect.subscribe(receiver, [subject])
        const name = `receiver ${r} of ${subject}`
        receiver.onLost = problem => problems.add(`${name}: ${problem}`)
        const expectation = { receiver: name, subject, payload, skipBytes: dialect.numberedPayloadBytes, firstNumber: firstNumber + s, step: subjects.length }
        receiver.onBytes = isChecked ? checkingReceiver(flow, dialect, new Checker(expectation, problems), messageBytes, problems) : bytes => flow.received(bytes.length)
      }
    }
  }

  return {
    start: limit => flows.forEach(flow => flow.start(limit)),
    stop: () => flows.forEach(flow => flow.stop()),
    deliveries: () => flows.reduce((bytes, flow) => bytes + flow.receivedBytes, 0) / messageBytes,
    settled: () => settled,
    problems: () => [...problems.texts, ...flows.flatMap((flow, p) => miscount(flow, p, noiseBytes))],
  }
}

/** All subjects have one length, so that chunks have one stride. */
function subjectOf(publisher: number, subject: number): string {
  return `bench.${String(publisher).padStart(2, '0')}.${String(subject).padStart(2, '0')}`
}

function chunkOf(messages: readonly Encoded[], writeBytes: number, framing: Framing): Chunk {
  const count = messagesPerWrite(writeBytes, messages[0]!.bytes.length, messages.length)
  const cycle = Array.from({ length: count }, (_, i) => messages[i % messages.length]!.bytes)
  return new Chunk(cycle, messages[0]!.numbering, framing)
}

function checkingReceiver(flow: Flow, dialect: Dialect, checker: Checker, messageBytes: number, problems: Problems): (bytes: Uint8Array) => void {
  let whole = 0
  const parse = dialect.parser(message => {
    whole++
    checker.check(message)
  })
  return bytes => {
    whole = 0
    try {
      parse(bytes)
    } catch (error) {
      problems.add(String(error))
    }
    flow.received(whole * messageBytes)
  }
}

function isNoise(dialect: Dialect, bytes: Uint8Array): boolean {
  return dialect.noise.length > 0 && Buffer.compare(bytes, dialect.noise) === 0
}

// A count by length takes the server's own words for messages' bytes; a parsed one does not see them.
function miscount(flow: Flow, publisher: number, noiseBytes: number): readonly string[] {
  const missing = flow.missingBytes
  if (missing > 0) return [`publisher ${publisher}: ${missing} bytes did not arrive`]
  if (-missing > noiseBytes) return [`publisher ${publisher}: ${-missing} bytes arrived that were not sent`]
  return []
}
