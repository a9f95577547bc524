// Checks subjects before they are sent, remembering the good ones: a client uses few of them, many times.

import { parseSubject } from '../broker/ground/subject.ts'

const MAX_REMEMBERED = 1024
const known = new Set<string>()

/** @throws BrokerError `subject.invalid` */
export function checkSubject(subject: string): void {
  if (known.has(subject)) return
  parseSubject(subject)
  if (known.size === MAX_REMEMBERED) known.clear()
  known.add(subject)
}
