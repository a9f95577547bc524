// The load generator's side of native Callboard frames.

import { decode, encode } from '@msgpack/msgpack'
import { decodeFrame, encodeFrame, type Frame, type FrameInit } from '../../broker/wire/frame.ts'
import { Framer } from '../../broker/wire/framer.ts'
import { Kind, Offset } from '../../broker/wire/layout.ts'
import type { Numbering } from './chunk.ts'
import type { Credential } from './job.ts'
import type { Dialect, Encoded, Received } from './dialect.ts'
import type { Line } from './line.ts'

const MAX_FRAME_BYTES = 2 ** 21
/** Control frames of a line: ids 1, 2, 3, …; messages go on from there. */
const lastIds = new WeakMap<Line, number>()

function nextId(line: Line): number {
  const id = (lastIds.get(line) ?? 0) + 1
  lastIds.set(line, id)
  return id
}

/** Sends control frames and waits for as many answers of kind `expected`. */
function exchange(line: Line, frames: readonly FrameInit[], expected: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const framer = new Framer(MAX_FRAME_BYTES)
    let missing = frames.length
    line.onLost = problem => reject(new Error(problem))
    line.onBytes = bytes =>
      framer.push(bytes, {
        frame(whole, start, end) {
          const frame = decodeFrame(whole, start, end)
          if (frame.kind !== expected) reject(new Error(describeFrame(frame)))
          else if (--missing === 0) resolve()
        },
      })
    line.send(Buffer.concat(frames.map(frame => encodeFrame({ ...frame, id: nextId(line) }))))
  })
}

function describeFrame(frame: Frame): string {
  if (frame.kind !== Kind.error && frame.kind !== Kind.goodbye) return `unexpected frame of kind ${frame.kind}`
  const body = frame.payload.length > 0 ? (decode(frame.payload) as { message?: string }) : {}
  return body.message ?? 'the server ended the connection without a reason'
}

// Numbers of a run fit the low half of the id, the upper half stays 0.
const idNumbering: Numbering = {
  numberAt: Offset.id + 4,
  numberBytes: 4,
  put(bytes, at, value) {
    bytes[at] = value >>> 24
    bytes[at + 1] = value >>> 16
    bytes[at + 2] = value >>> 8
    bytes[at + 3] = value
  },
}

function encoded(frame: FrameInit): Encoded {
  const bytes = encodeFrame(frame)
  return { bytes, numbering: idNumbering, deliveredBytes: bytes.length }
}

/** Authenticates a fresh line; `more` are further keys of the hello. */
export function greet(line: Line, { principal, token }: Credential, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
  return exchange(line, [{ kind: Kind.hello, payload: encode({ protocol: { min: 1, max: 1 }, program: 'bench', principal, auth: { token }, ...more }) }], Kind.welcome)
}

export const callboardDialect: Dialect = {
  noise: new Uint8Array(0),
  numberedPayloadBytes: 0,
  answerPatterns: [],

  authenticate: (line, credential) => greet(line, credential),

  async subscribe(line, patterns) {
    if (patterns.length === 0) return
    const frames = patterns.map((pattern, i) => ({ kind: Kind.subscribe, ref: i + 1, payload: encode({ pattern }) }))
    await exchange(line, frames, Kind.ok)
  },

  firstNumber: line => (lastIds.get(line) ?? 0) + 1,
  publish: (subject, payload) => encoded({ kind: Kind.publish, subject, payload }),
  request: (subject, payload) => encoded({ kind: Kind.request, subject, payload }),

  response(subject, payload) {
    const copied = [
      { from: Offset.origin, to: Offset.to, bytes: 4 },
      { from: Offset.id, to: Offset.ref, bytes: 8 },
    ]
    return { ...encoded({ kind: Kind.response, subject, payload }), copied }
  },

  parser(onMessage) {
    const framer = new Framer(MAX_FRAME_BYTES)
    const sink = {
      frame(whole: Uint8Array, start: number, end: number): void {
        const frame = decodeFrame(whole, start, end)
        if (frame.kind < Kind.publish || frame.kind > Kind.response) throw new Error(describeFrame(frame))
        onMessage(toReceived(frame))
      },
    }
    return bytes => framer.push(bytes, sink)
  },

  describe(bytes) {
    const first: string[] = []
    new Framer(MAX_FRAME_BYTES).push(bytes, { frame: (whole, start, end) => first.push(describeFrame(decodeFrame(whole, start, end))) })
    return first[0] ?? 'an incomplete frame'
  },
}

function toReceived(frame: Frame): Received {
  return { number: frame.kind === Kind.response ? frame.ref : frame.id, subject: frame.subject, payload: frame.payload }
}
