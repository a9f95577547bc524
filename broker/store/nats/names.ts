// How streams, subjects and consumers of JetStream are named after queues.
//
//   CBQ_<queue>    what waits: subject CBQ.<queue>, durable consumer `broker`
//   CBDLQ_<queue>  dead letters: subject CBDLQ.<queue>.<position>
//   CBNOTES        what brokers note of queues, the last of each: subject CBNOTES.<queue>.<broker>

export const NOTES_STREAM = 'CBNOTES'
export const CONSUMER = 'broker'
const WAITING = 'CBQ_'
const DEAD = 'CBDLQ_'
const ESCAPE = /=([0-9A-F]{2})/g

/** One token: anything but letters, digits, `-` and `_` as `=` and two hexadecimal digits of each byte. Not `%`: nats-server 2.9 formats the name. */
function token(name: string): string {
  return [...Buffer.from(name)].map((byte) => (/[\w-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('')
}

export function waitingStream(queue: string): string {
  return WAITING + token(queue)
}

export function deadStream(queue: string): string {
  return DEAD + token(queue)
}

/** The queue of a stream; undefined: it is none of a queue. */
export function queueOf(stream: string): string | undefined {
  if (!stream.startsWith(WAITING)) return undefined
  return Buffer.from(stream.slice(WAITING.length).replaceAll(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), 'latin1').toString()
}

export function waitingSubject(queue: string): string {
  return `CBQ.${token(queue)}`
}

export function deadSubject(queue: string, position: number | '*'): string {
  return `CBDLQ.${token(queue)}.${position}`
}

export function noteSubject(queue: string, broker: string): string {
  return `CBNOTES.${token(queue)}.${broker === '*' ? '*' : token(broker)}`
}
