// Rules for the members of queue groups, which go before those for everybody: nats-server writes them `pattern group`.

import { matchesPattern, parsePattern } from '../ground/subject.ts'
import type { GroupRule, GroupRules } from '../ground/types.ts'
import { covers } from './pattern-cover.ts'

interface Rule {
  readonly pattern: readonly string[]
  readonly group: readonly string[]
}

export class CompiledGroupRules {
  readonly #allow: readonly Rule[]
  readonly #deny: readonly Rule[]

  /** @throws BrokerError `pattern.invalid` */
  constructor({ allow, deny }: GroupRules) {
    this.#allow = allow.map(compile)
    this.#deny = deny.map(compile)
  }

  /** Whether the group may, as far as that is said; undefined: nothing is said of subjects like these. */
  allows(pattern: readonly string[], group: string): boolean | undefined {
    return verdict(this.#allow, pattern, group)
  }

  /** Whether the group must not, likewise. */
  denies(pattern: readonly string[], group: string): boolean | undefined {
    return verdict(this.#deny, pattern, group)
  }
}

function verdict(rules: readonly Rule[], pattern: readonly string[], group: string): boolean | undefined {
  const concerned = rules.filter((rule) => covers(rule.pattern, pattern))
  return concerned.length === 0 ? undefined : concerned.some((rule) => matchesPattern(rule.group, group.split('.')))
}

function compile({ pattern, group }: GroupRule): Rule {
  return { pattern: parsePattern(pattern), group: parsePattern(group) }
}
