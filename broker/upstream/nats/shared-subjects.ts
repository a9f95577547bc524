// Which subjects and queue groups are shared with other brokers. Pure.

import type { QueueGroup } from '../../ground/bus.ts'
import { matchesPattern, parsePattern, patternsOverlap } from '../../ground/subject.ts'

type Tokens = readonly string[]

export class SharedSubjects {
  readonly #subjects: readonly Tokens[]
  readonly #localGroups: readonly Tokens[]

  /** Patterns as configured. @throws BrokerError `pattern.invalid` */
  constructor(subjects: readonly string[], localGroups: readonly string[]) {
    this.#subjects = subjects.map(parsePattern)
    this.#localGroups = localGroups.map(parsePattern)
  }

  /** True when messages on the subject go to other brokers, and may come from them. Inboxes always do: who waits there is known nowhere. */
  hasSubject(subject: Tokens): boolean {
    const [first] = subject
    if (first === '_INBOX') return true
    return this.#subjects.some((pattern) => matchesPattern(pattern, subject) && reaches(pattern[0]!, first!))
  }

  /** True when some subject of the pattern does. */
  hasPattern(pattern: Tokens): boolean {
    const [first] = pattern
    if (first === '_INBOX') return true
    return this.#subjects.some((shared) => patternsOverlap(shared, pattern) && (isWild(first!) || reaches(shared[0]!, first!)))
  }

  /** True when members of the group, here and elsewhere, share the messages on that subject. */
  hasGroup({ tokens }: QueueGroup, subject: Tokens): boolean {
    return this.hasSubject(subject) && !this.isLocalGroup(tokens)
  }

  /** True when a pattern of the configuration covers all of it. */
  isLocalGroup(pattern: Tokens): boolean {
    return this.#localGroups.some((local) => covers(local, pattern))
  }
}

/** First tokens with `$` are other systems' own (`$JS`, `$KV`, `$SYS`): a wildcard does not share them. `$SRV` finds micro-services. */
function reaches(sharedFirst: string, first: string): boolean {
  return !first.startsWith('$') || first === sharedFirst || first === '$SRV'
}

function covers(wide: Tokens, narrow: Tokens): boolean {
  // Only `>` covers `>`, which to a matcher is a token like any other.
  return matchesPattern(wide, narrow) && (narrow.at(-1) !== '>' || wide.at(-1) === '>')
}

function isWild(token: string): boolean {
  return token === '*' || token === '>'
}
