// May a principal publish to, or see, a subject? Compiled patterns, deny before allow.

import { matchesPattern, parsePattern, patternsOverlap } from '../ground/subject.ts'
import type { ResponseRules } from '../ground/settings.ts'
import type { GroupRules, PatternRules, Principal, Role } from '../ground/types.ts'
import { CompiledGroupRules } from './group-rules.ts'
import { covers } from './pattern-cover.ts'

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
  readonly responses: ResponseRules | undefined
  readonly groups: GroupRules | undefined
  /** Small and dense, for use as an array index. */
  readonly index: number
  readonly #publish: Rules
  readonly #subscribe: Rules
  readonly #groups: CompiledGroupRules | undefined
  /** These allow no more than those. */
  readonly #within: Permissions | undefined

  /** @throws BrokerError `pattern.invalid` */
  constructor(principal: Principal, index: number, within?: Permissions) {
    this.name = principal.name
    this.roles = principal.roles
    this.publish = principal.publish
    this.subscribe = principal.subscribe
    this.responses = principal.responses
    this.groups = principal.groups
    this.index = index
    this.#within = within
    this.#publish = compile(principal.publish)
    this.#subscribe = compile(principal.subscribe)
    this.#groups = principal.groups === undefined ? undefined : new CompiledGroupRules(principal.groups)
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
  mayReceive(subject: readonly string[], group?: string): boolean {
    return this.#admits(subject, group) && (this.#within?.mayReceive(subject, group) ?? true)
  }

  /**
   * May it receive what is sent to one of the broker's own subjects instead of whoever else would get it? As with
   * subscriptions, a wildcard in front means the subjects of users: a rule of the principal itself must begin with that
   * first token, what a client presented can only take away.
   */
  mayTake(subject: readonly string[]): boolean {
    return this.#names(subject) && this.mayReceive(subject)
  }

  /**
   * Decides per pattern, when a subscription is made: refused when nothing of it could ever be seen. What is partly
   * denied may be subscribed; the denied subjects are left out on delivery.
   */
  maySubscribe(pattern: readonly string[]): boolean {
    const { allow, deny } = this.#subscribe
    return allow.some((rule) => patternsOverlap(rule, pattern)) && !deny.some((rule) => covers(rule, pattern)) && (this.#within?.maySubscribe(pattern) ?? true)
  }

  /** True when a rule keeps the subject from it by name, whatever else allows it. */
  mustNotReceive(subject: readonly string[]): boolean {
    return this.#subscribe.deny.some((rule) => covers(rule, subject)) || (this.#within?.mustNotReceive(subject) ?? false)
  }

  /**
   * The same as NATS has it: everything that the pattern matches must be allowed by one rule, though parts of it may be
   * denied.
   */
  maySubscribeWhole(pattern: readonly string[], group?: string): boolean {
    return this.#admits(pattern, group) && (this.#within?.maySubscribeWhole(pattern, group) ?? true)
  }

  #names(subject: readonly string[]): boolean {
    return this.#within === undefined ? this.#subscribe.allow.some((rule) => rule[0] === subject[0] && covers(rule, subject)) : this.#within.#names(subject)
  }

  // One rule must allow all that the pattern matches, none deny all of it. Rules for the group go first.
  #admits(pattern: readonly string[], group: string | undefined): boolean {
    const { allow, deny } = this.#subscribe
    const isAllowed = (group === undefined ? undefined : this.#groups?.allows(pattern, group)) ?? allow.some((rule) => covers(rule, pattern))
    return isAllowed && !((group === undefined ? undefined : this.#groups?.denies(pattern, group)) ?? deny.some((rule) => covers(rule, pattern)))
  }
}

function compile(rules: PatternRules): Rules {
  return { allow: rules.allow.map(parsePattern), deny: rules.deny.map(parsePattern) }
}

function allows({ allow, deny }: Rules, subject: readonly string[]): boolean {
  return allow.some((pattern) => matchesPattern(pattern, subject)) && !deny.some((pattern) => matchesPattern(pattern, subject))
}
