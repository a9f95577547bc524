// The load generator's side of the NATS text protocol, as its client libraries use it.

import type { Numbering } from './chunk.ts'
import type { Dialect, Encoded, Received } from './dialect.ts'
import type { Line } from './line.ts'

const CRLF = '\r\n'
const INBOX = '_INBOX.bench.'
const NUMBER_DIGITS = 8
const NUMBER_ZERO = '0'.repeat(NUMBER_DIGITS)
const HEX = Buffer.from('0123456789abcdef')

function putHex(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0, shift = 28; i < NUMBER_DIGITS; i++, shift -= 4) bytes[at + i] = HEX[(value >>> shift) & 15]!
}

const numberingAt = (numberAt: number): Numbering => ({ numberAt, numberBytes: NUMBER_DIGITS, put: putHex })

function message(head: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(head + CRLF), payload, Buffer.from(CRLF)])
}

/** Every subscription is the only one of its line, so its number is always 1. */
function deliveredBytes(subject: string, reply: string, payload: Uint8Array): number {
  return message(`MSG ${subject} 1 ${reply === '' ? '' : `${reply} `}${payload.length}`, payload).length
}

/** NATS messages have no number: the payload's first 8 bytes carry it. */
function published(subject: string, payload: Uint8Array): Encoded {
  const head = `PUB ${subject} ${payload.length}`
  return { bytes: message(head, payload), numbering: numberingAt(head.length + CRLF.length), deliveredBytes: deliveredBytes(subject, '', payload) }
}

export const natsDialect: Dialect = {
  // The server pings a new client once after two seconds; it closes only after minutes without a pong.
  noise: Buffer.from(`PING${CRLF}`),
  numberedPayloadBytes: NUMBER_DIGITS,
  // One wildcard subscription and an inbox per request: what nats.js and nats.go do.
  answerPatterns: [`${INBOX}*`],

  // What nats.js and nats.go say of themselves, and with it what they expect.
  authenticate(line, { principal, token }) {
    const user = token === '' ? {} : { user: principal, pass: token }
    const options = { verbose: false, pedantic: false, lang: 'bench', version: '1', protocol: 1, headers: true, no_responders: true, ...user }
    return roundTrip(line, `CONNECT ${JSON.stringify(options)}${CRLF}PING${CRLF}`)
  },

  async subscribe(line, patterns) {
    const lines = patterns.map((pattern, i) => `SUB ${pattern} ${i + 1}${CRLF}`)
    if (lines.length > 0) await roundTrip(line, `${lines.join('')}PING${CRLF}`)
  },

  firstNumber: () => 1,
  publish: published,

  request(subject, payload) {
    const reply = INBOX + NUMBER_ZERO
    const head = `PUB ${subject} `
    return {
      bytes: message(`${head}${reply} ${payload.length}`, payload),
      numbering: numberingAt(head.length + INBOX.length),
      deliveredBytes: deliveredBytes(subject, reply, payload),
    }
  },

  response(subject, payload) {
    const inbox = INBOX + NUMBER_ZERO
    return { ...published(inbox, payload), copied: [{ from: `MSG ${subject} 1 ${INBOX}`.length, to: `PUB ${INBOX}`.length, bytes: NUMBER_DIGITS }] }
  },

  parser(onMessage) {
    let rest = Buffer.alloc(0)
    return bytes => {
      rest = Buffer.concat([rest, bytes])
      let at = 0
      for (;;) {
        const headEnd = rest.indexOf(CRLF, at)
        if (headEnd < 0) break
        const words = rest.toString('latin1', at, headEnd).split(' ')
        if (words[0] === 'PING') at = headEnd + CRLF.length
        else if (words[0] === 'MSG') {
          const payloadAt = headEnd + CRLF.length
          const payloadEnd = payloadAt + Number(words.at(-1))
          if (payloadEnd + CRLF.length > rest.length) break
          onMessage(toReceived(words[1]!, rest.subarray(payloadAt, payloadEnd)))
          at = payloadEnd + CRLF.length
        } else throw new Error(words.join(' '))
      }
      rest = rest.subarray(at)
    }
  },

  describe: bytes => Buffer.from(bytes).toString('latin1').trim(),
}

function toReceived(subject: string, payload: Uint8Array): Received {
  const digits = subject.startsWith(INBOX) ? subject.slice(INBOX.length) : Buffer.from(payload.subarray(0, NUMBER_DIGITS)).toString('latin1')
  return { number: Number.parseInt(digits, 16), subject, payload }
}

/** Sends lines that end in a PING; its PONG says that all before was taken. */
function roundTrip(line: Line, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = ''
    line.onLost = problem => reject(new Error(`${problem} ${received}`))
    line.onBytes = bytes => {
      received += Buffer.from(bytes).toString('latin1')
      if (received.includes('-ERR')) reject(new Error(received.trim()))
      else if (received.endsWith(`PONG${CRLF}`)) resolve()
    }
    line.send(Buffer.from(text))
  })
}
