// Headers that brokers tell each other about a message, beside those of its envelope. Other NATS clients may pass them by.

const utf8 = new TextEncoder()

export const Word = {
  /** How long the request may take. ms */
  timeout: 'Callboard-Timeout',
  /** Which link of which broker: see epochs.ts. */
  link: 'Callboard-Link',
} as const

/** One field, as it stands in a block. */
export function fieldOf(name: string, value: string): string {
  return `${name}: ${value}\r\n`
}

/** The header block with more fields at its end. */
export function withFields(block: Uint8Array, fields: string): Uint8Array {
  const field = utf8.encode(`${fields}\r\n`)
  const longer = new Uint8Array(block.length - 2 + field.length)
  longer.set(block.subarray(0, block.length - 2))
  longer.set(field, block.length - 2)
  return longer
}
