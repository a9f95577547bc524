// How much an instance says of itself, in bytes. Knows no limits.

import type { Endpoint } from '../ground/registry.ts'

/** What an entry of a list or map takes beside its text. */
const ENTRY_BYTES = 64

/** What of a registration has no fixed size. */
interface Said {
  readonly name: string
  readonly instance: string
  readonly capabilities: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly endpoints: readonly Endpoint[]
}

/** Its texts as UTF-8, and 64 bytes more for each capability, key and endpoint. */
export function registrationBytes({ name, instance, capabilities, metadata, endpoints }: Said): number {
  let bytes = name.length + instance.length
  for (const capability of capabilities) bytes += ENTRY_BYTES + Buffer.byteLength(capability)
  for (const [key, value] of Object.entries(metadata)) bytes += ENTRY_BYTES + Buffer.byteLength(key) + Buffer.byteLength(value)
  for (const { name: of, subject = '', url = '' } of endpoints) bytes += ENTRY_BYTES + Buffer.byteLength(of) + Buffer.byteLength(subject) + Buffer.byteLength(url)
  return bytes
}
