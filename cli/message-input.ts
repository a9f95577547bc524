// Reads a message from the command line or stdin.

import { text } from 'node:stream/consumers'

export interface MessageInput {
  readonly payload: unknown
  /** `json` for what is JSON; other text goes as text. */
  readonly options: { readonly json?: true }
}

/** The message that `argument` gives; `-` stands for all of stdin, without its last line end. */
export async function readMessage(argument: string): Promise<MessageInput> {
  return parseMessage(argument === '-' ? (await text(process.stdin)).replace(/\r?\n$/, '') : argument)
}

/** JSON when the text is valid JSON, otherwise the text itself. Integers keep their digits, also beyond 2^53-1. */
export function parseMessage(source: string): MessageInput {
  try {
    return { payload: parseJson(source, keepDigits), options: { json: true } }
  } catch {
    return { payload: source, options: {} }
  }
}

// ECMAScript hands the reviver the source text as well; TypeScript's library does not know that yet.
const parseJson = JSON.parse as (text: string, reviver: typeof keepDigits) => unknown

function keepDigits(_key: string, value: unknown, { source }: { source?: string }): unknown {
  const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isRounded && source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
}
