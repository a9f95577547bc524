// The header block of a NATS message: parsed and written. What the headers mean is not known here.
//
//   NATS/1.0[ 503[ No Responders]]\r\n
//   Name: value\r\n                        as often as there are values; case counts
//   \r\n

import { BrokerError } from '../../ground/errors.ts'

/** What a header block says. */
export interface HeaderBlock {
  /** Three digits; undefined: none. */
  readonly status: string | undefined
  /** Words behind the status; '' = none. */
  readonly description: string
  /** In the order of the block; one name may come several times. */
  readonly fields: readonly HeaderField[]
}

export type HeaderField = readonly [name: string, value: string]

const VERSION = 'NATS/1.0'
const END = '\r\n\r\n'
// What nats.js lets a header be called: printable ASCII without the colon.
const NAME = /^[!-9;-~]+$/
const STATUS = /^(\d{3})(?:[ \t]+(.*))?$/s
const EDGES = /^[ \t]+|[ \t]+$/g
const LINE_END = /[\r\n]/
const utf8 = new TextEncoder()
/** A block that says nothing. */
export const EMPTY_BLOCK = utf8.encode(`${VERSION}${END}`)
/** What whoever asked is told when nobody is there to answer. */
export const NO_RESPONDERS_BLOCK = utf8.encode(`${VERSION} 503${END}`)
// A block begins with its version, so a byte order mark within it is text.
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The status and the fields of a whole block, its last empty line included. Spaces and tabs around values do not count.
 * @throws BrokerError `nats.malformed`
 */
export function parseHeaderBlock(bytes: Uint8Array): HeaderBlock {
  const block = decoded(bytes)
  if (!block.startsWith(VERSION)) throw malformed(`it does not begin with ${VERSION}`)
  if (!block.endsWith(END)) throw malformed('it does not end with an empty line')
  const [first, ...lines] = block.slice(0, -END.length).split('\r\n')
  return { ...parseStatus(first!.slice(VERSION.length)), fields: lines.map(parseField) }
}

/**
 * The block that says that.
 * @throws BrokerError `nats.malformed` for a name or value that cannot stand in a block
 */
export function writeHeaderBlock({ status, description, fields }: HeaderBlock): Uint8Array<ArrayBuffer> {
  if (status !== undefined && !/^\d{3}$/.test(status)) throw malformed('its status is not three digits')
  if (!isHeaderValue(description)) throw malformed('its description cannot stand in a line')
  let block = VERSION
  if (status !== undefined) block += description === '' ? ` ${status}` : ` ${status} ${description}`
  block += '\r\n'
  for (const [name, value] of fields) {
    if (!isHeaderName(name)) throw malformed(`"${name.slice(0, 80)}" cannot be the name of a header`)
    if (!isHeaderValue(value)) throw malformed(`the value of ${name} cannot stand in a line`)
    block += `${name}: ${value}\r\n`
  }
  return utf8.encode(`${block}\r\n`)
}

/** True when a header may be called so. */
export function isHeaderName(name: string): boolean {
  return NAME.test(name)
}

/** True when a value comes back as it is: no line end in it, no space or tab at its edges, nothing that is not Unicode. */
export function isHeaderValue(value: string): boolean {
  return !LINE_END.test(value) && trimmed(value) === value && value.isWellFormed()
}

/** The first value of a header, in a block that need not be valid; undefined: there is none. `name` as it is written. */
export function headerValue(block: Uint8Array, name: string): string | undefined {
  const all = Buffer.from(block.buffer, block.byteOffset, block.byteLength)
  const at = all.indexOf(`\r\n${name}:`, 0, 'latin1')
  if (at < 0) return undefined
  const from = at + name.length + 3
  const end = all.indexOf('\r\n', from, 'latin1')
  return end < 0 ? undefined : trimmed(all.toString('utf8', from, end))
}

/** The three digits of a status; undefined: the block has none. */
export function headerStatus(block: Uint8Array): string | undefined {
  const [, space, ...digits] = block.subarray(VERSION.length - 1, VERSION.length + 4)
  return space === 0x20 && digits.length === 3 && digits.every((digit) => digit >= 0x30 && digit <= 0x39) ? String.fromCharCode(...digits) : undefined
}

function parseStatus(line: string): Pick<HeaderBlock, 'status' | 'description'> {
  const words = trimmed(line)
  if (words === '') return { status: undefined, description: '' }
  const match = STATUS.exec(words)
  if (match === null || line === words || LINE_END.test(words)) throw malformed(`behind ${VERSION} stands no status of three digits`)
  return { status: match[1]!, description: match[2] ?? '' }
}

function parseField(line: string): HeaderField {
  const colon = line.indexOf(':')
  if (colon < 0) throw malformed('a line of it has no colon')
  const name = line.slice(0, colon)
  if (!isHeaderName(name)) throw malformed('a name in it is empty, or has a space or a character that is not ASCII')
  const value = trimmed(line.slice(colon + 1))
  if (LINE_END.test(value)) throw malformed(`the value of ${name} has a line end`)
  return [name, value]
}

function trimmed(value: string): string {
  return value.replace(EDGES, '')
}

function decoded(bytes: Uint8Array): string {
  try {
    return text.decode(bytes)
  } catch (error) {
    throw new BrokerError('nats.malformed', { problem: 'the header block is not valid UTF-8' }, { cause: error })
  }
}

function malformed(problem: string): BrokerError {
  return new BrokerError('nats.malformed', { problem: `the header block is not valid: ${problem}` })
}
