// May a principal publish to, or see, a subject? Compiled patterns, deny before allow.

import { matchesPattern, parsePattern, patternsOverlap } from '../ground/subject.ts'
import type { PatternRules, Principal, Role } from '../ground/types.ts'

interface Rules {
  readonly allow: readonly (readonly string[])[]
  readonly deny: readonly (readonly string[])[]
}

/** A principal with its patterns compiled and a small number by which verdicts are remembered. */
export class Permissions implements Principal {
  readonly name: string
  readonly roles: readonly Role[]
  readonly publish: PatternRules
  readonly subscribe: PatternRules
  /** Small and dense, for use as an array index. */
  readonly index: number
  readonly #publish: Rules
  readonly #subscribe: Rules
  /** These allow no more than those. */
  readonly #within: Permissions | undefined

  /** @throws BrokerError `pattern.invalid` */
  constructor(principal: Principal, index: number, within?: Permissions) {
    this.name = principal.name
    this.roles = principal.roles
    this.publish = principal.publish
    this.subscribe = principal.subscribe
    this.index = index
    this.#within = within
    this.#publish = compile(principal.publish)
    this.#subscribe = compile(principal.subscribe)
  }

  /** What a client presented made them narrower than its principal's. */
  get isNarrowed(): boolean {
    return this.#within !== undefined
  }

  has(role: Role): boolean {
    return this.roles.includes(role)
  }

  mayPublish(subject: readonly string[]): boolean {
    return allows(this.#publish, subject) && (this.#within?.mayPublish(subject) ?? true)
  }

  /** True when a rule names the token behind these: subjects that begin so and have one more are not all judged alike. */
  namesNext(prefix: readonly string[]): boolean {
    const { length } = prefix
    const names = (rule: readonly string[]): boolean => rule.length === length + 1 && rule[length] !== '*' && rule[length] !== '>' && matchesPattern(rule.slice(0, length), prefix)
    return [this.#publish, this.#subscribe].some(({ allow, deny }) => allow.some(names) || deny.some(names))
  }

  /** Decides per message subject, when a route is built. */
  mayReceive(subject: readonly string[]): boolean {
    return allows(this.#subscribe, subject) && (this.#within?.mayReceive(subject) ?? true)
  }

  /**
   * Decides per pattern, when a subscription is made: refused when nothing of it could ever be seen. What is partly
   * denied may be subscribed; the denied subjects are left out on delivery.
   */
  maySubscribe(pattern: readonly string[]): boolean {
    const { allow, deny } = this.#subscribe
    return allow.some((rule) => patternsOverlap(rule, pattern)) && !deny.some((rule) => covers(rule, pattern)) && (this.#within?.maySubscribe(pattern) ?? true)
  }

  /**
   * The same as NATS has it: everything that the pattern matches must be allowed by one rule, though parts of it may be
   * denied.
   */
  maySubscribeWhole(pattern: readonly string[]): boolean {
    return this.maySubscribe(pattern) && this.#subscribe.allow.some((rule) => covers(rule, pattern)) && (this.#within?.maySubscribeWhole(pattern) ?? true)
  }
}

function compile(rules: PatternRules): Rules {
  return { allow: rules.allow.map(parsePattern), deny: rules.deny.map(parsePattern) }
}

function allows({ allow, deny }: Rules, subject: readonly string[]): boolean {
  return allow.some((pattern) => matchesPattern(pattern, subject)) && !deny.some((pattern) => matchesPattern(pattern, subject))
}

// True when every subject that `pattern` matches is matched by `rule` too.
function covers(rule: readonly string[], pattern: readonly string[]): boolean {
  for (let i = 0; i < rule.length; i++) {
    if (rule[i] === '>') return pattern.length > i
    if (i >= pattern.length || pattern[i] === '>' || (rule[i] !== '*' && rule[i] !== pattern[i])) return false
  }
  return rule.length === pattern.length
}
