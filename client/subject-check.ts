// Checks subjects before they are sent, and knows their bytes, remembering the good ones: a client uses few of them, many times.

import { parseSubject } from '../broker/ground/subject.ts'

const MAX_REMEMBERED = 1024
const known = new Map<string, Uint8Array>()
const utf8 = new TextEncoder()
const NO_BYTES = new Uint8Array(0)

/** @throws BrokerError `subject.invalid` */
export function checkSubject(subject: string): void {
  if (known.has(subject)) return
  parseSubject(subject)
  if (known.size === MAX_REMEMBERED) known.clear()
  known.set(subject, utf8.encode(subject))
}

/** A subject as it stands in a frame, whether it was checked or not; do not write into it. */
export function subjectBytes(subject: string | undefined): Uint8Array {
  if (subject === undefined || subject === '') return NO_BYTES
  return known.get(subject) ?? utf8.encode(subject)
}
