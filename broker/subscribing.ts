// Subscriptions of connections: made, taken back, and with them the routes that they change.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { OwnSubscription } from './ground/control.ts'
import { BrokerError } from './ground/errors.ts'
import { compileFilter } from './ground/filter.ts'
import { isReserved, parsePattern, patternsOverlap } from './ground/subject.ts'
import type { Subscribe } from './protocol/bodies.ts'
import { Group, type Subscription } from './routing/subscription.ts'

const MAX_NUMBER = 2 ** 31 - 1

export class Subscribing {
  readonly #core: Core
  /** By pattern and name, as in NATS; a space can stand in neither. */
  readonly #groups = new Map<string, Group>()
  /** How many subscriptions outside groups there are of each pattern. */
  readonly #plain = new Map<string, number>()
  /** Those that are gone from where messages look, and not taken back by their connections. */
  readonly #withdrawn = new WeakSet<Subscription>()

  constructor(core: Core) {
    this.#core = core
  }

  /**
   * Whether the connection may give this number to something new, a consumer too.
   * @throws BrokerError `subscription.exists`, `subscription.limit`, `frame.malformed`
   */
  checkNumber(connection: Connection, number: number): void {
    if (!(Number.isInteger(number) && number >= 1 && number <= MAX_NUMBER)) throw new BrokerError('frame.malformed', { problem: `a subscription's number must be 1..${MAX_NUMBER}, got ${number}` })
    this.#checkLimit(connection, number, this.#core.settings.ipc.limits.maxSubscriptions)
  }

  /** Under a number that was checked. @throws BrokerError `pattern.invalid`, `filter.invalid`, `permission.denied` */
  subscribe(connection: Connection, number: number, { pattern, group, filter }: Subscribe): void {
    const tokens = parsePattern(pattern)
    // What is addressed to a connection comes unasked; the rest of the reserved space is nobody's to watch.
    if ((isReserved(tokens) && !isWatching(tokens, group)) || !connection.permissions!.maySubscribe(tokens)) throw denied(connection, pattern)
    this.#add(connection, { number, pattern, tokens, group, filter: filter === undefined ? undefined : compileFilter(filter), subscriber: connection })
  }

  /**
   * Subscribes something of the connection's own: its protocol delivers to subscriptions, and has inboxes and addresses
   * as subjects like others.
   * @throws BrokerError `pattern.invalid`, `permission.denied`, `subscription.exists`, `subscription.limit`
   */
  subscribeOwn(connection: Connection, { number, pattern, group, subscriber }: OwnSubscription): void {
    const { nats, ipc } = this.#core.settings
    this.#checkLimit(connection, number, nats.maxSubscriptions === 0 ? ipc.limits.maxSubscriptions : nats.maxSubscriptions)
    const tokens = parsePattern(pattern)
    if (tokens[0] === '$CB' && (group !== undefined || !(isOwnAddress(connection, tokens) || isName(tokens) || isWatching(tokens, group)))) throw denied(connection, pattern, group)
    if (!connection.permissions!.maySubscribeWhole(tokens, group)) throw denied(connection, pattern, group)
    this.#add(connection, { number, pattern, tokens, group, filter: undefined, subscriber })
  }

  /** The subscription's subscriber counts from now on, or does not any more: its routes are built again. */
  recount(connection: Connection, number: number): void {
    const subscription = connection.subscriptions?.get(number)
    if (subscription !== undefined) this.#core.routes.invalidate(subscription.tokens)
  }

  #checkLimit({ subscriptions, consumers }: Connection, number: number, limit: number): void {
    if (subscriptions?.has(number) === true || consumers?.has(number) === true) throw new BrokerError('subscription.exists', { subscription: number })
    if ((subscriptions?.size ?? 0) + (consumers?.size ?? 0) >= limit) throw new BrokerError('subscription.limit', { limit })
  }

  #add(connection: Connection, subscription: Subscription): void {
    const { number, pattern, tokens, group } = subscription
    connection.subscriptions ??= new Map()
    connection.subscriptions.set(number, subscription)
    this.#core.counts.subscribed++
    if (group === undefined) this.#addPlain(subscription)
    // One that is to end has left its groups, and joins none.
    else if (!connection.isRetiring) this.#join(`${pattern} ${group}`, subscription)
    this.#core.routes.invalidate(tokens)
    if (isName(tokens)) this.#core.registering.reach(connection)
  }

  /** @throws BrokerError `subscription.unknown` */
  unsubscribe(connection: Connection, number: number): void {
    const subscription = connection.subscriptions?.get(number)
    if (subscription === undefined) throw new BrokerError('subscription.unknown', { subscription: number })
    connection.subscriptions!.delete(number)
    this.#remove(subscription)
    if (isName(subscription.tokens)) this.#core.registering.reach(connection)
  }

  /** Takes all subscriptions of a connection that is gone. */
  leave(connection: Connection): void {
    if (connection.subscriptions !== undefined) for (const subscription of connection.subscriptions.values()) this.#remove(subscription)
    connection.subscriptions = undefined
  }

  /** Its groups give it nothing any more. It knows nothing of it, and may unsubscribe as ever. */
  withdraw({ subscriptions }: Connection): void {
    for (const subscription of subscriptions?.values() ?? []) {
      if (subscription.group === undefined) continue
      this.#core.routes.invalidate(subscription.tokens)
      this.#part(subscription, subscription.group)
    }
  }

  /** Nothing comes by its subscriptions any more; it may take them back as if it did. */
  withdrawAll(connection: Connection): void {
    for (const subscription of connection.subscriptions?.values() ?? []) {
      if (this.#withdrawn.has(subscription)) continue
      this.#remove(subscription)
      this.#withdrawn.add(subscription)
    }
  }

  /** After `withdraw`: it is a member again. */
  rejoin({ subscriptions }: Connection): void {
    for (const subscription of subscriptions?.values() ?? []) {
      if (subscription.group === undefined) continue
      this.#join(`${subscription.pattern} ${subscription.group}`, subscription)
      this.#core.routes.invalidate(subscription.tokens)
    }
  }

  /** How many subscriptions there are whose pattern can match the channel's subjects. Walks all: for people who ask. */
  below(channel: string): number {
    const own = channel.split('.')
    let count = 0
    for (const { subscriptions } of this.#core.directory.all()) {
      if (subscriptions !== undefined) for (const { tokens } of subscriptions.values()) if (patternsOverlap(tokens, own) || patternsOverlap(tokens, [...own, '>'])) count++
    }
    return count
  }

  /** Its members; undefined: there are none. */
  group(pattern: string, name: string): Group | undefined {
    return this.#groups.get(`${pattern} ${name}`)
  }

  #addPlain(subscription: Subscription): void {
    const { tokens, pattern } = subscription
    const count = this.#plain.get(pattern) ?? 0
    this.#plain.set(pattern, count + 1)
    this.#core.interest.add(tokens, subscription)
    if (count === 0) this.#core.bus.interested(pattern, undefined)
  }

  #removePlain(subscription: Subscription): void {
    const { tokens, pattern } = subscription
    const left = (this.#plain.get(pattern) ?? 1) - 1
    this.#core.interest.remove(tokens, subscription)
    if (left > 0) this.#plain.set(pattern, left)
    else if (this.#plain.delete(pattern)) this.#core.bus.lostInterest(pattern, undefined)
  }

  #join(key: string, subscription: Subscription): void {
    let group = this.#groups.get(key)
    if (group === undefined) {
      this.#groups.set(key, (group = new Group()))
      this.#core.interest.add(subscription.tokens, group)
      this.#core.bus.interested(subscription.pattern, subscription.group)
    }
    group.members.push(subscription)
  }

  #remove(subscription: Subscription): void {
    if (this.#withdrawn.has(subscription)) return
    this.#core.counts.unsubscribed++
    const { tokens, group } = subscription
    this.#core.routes.invalidate(tokens)
    if (group === undefined) this.#removePlain(subscription)
    else this.#part(subscription, group)
  }

  #part(subscription: Subscription, name: string): void {
    const { tokens, pattern } = subscription
    const key = `${pattern} ${name}`
    const group = this.#groups.get(key)
    const at = group?.members.indexOf(subscription) ?? -1
    if (group === undefined || at < 0) return
    group.members.splice(at, 1)
    if (group.members.length > 0) return
    this.#groups.delete(key)
    this.#core.interest.remove(tokens, group)
    this.#core.bus.lostInterest(pattern, name)
  }
}

function denied({ permissions }: Connection, pattern: string, group?: string): BrokerError {
  return new BrokerError('permission.denied', { principal: permissions!.name, action: 'subscribe to', subject: pattern, group })
}

// `$CB.registry.…`, `$CB.agent.…`: changes of the registry and what becomes of agents, which come to everybody who watches.
function isWatching([first, area, ...rest]: readonly string[], group: string | undefined): boolean {
  return first === '$CB' && (area === 'registry' || area === 'agent') && rest.length > 0 && group === undefined
}

// `$CB.to.service.<name>`: of a connection whose protocol delivers to subscriptions, where requests to it go once it is registered.
function isName([first, area, kind, name]: readonly string[]): boolean {
  return first === '$CB' && area === 'to' && kind === 'service' && name !== undefined
}

// `$CB.all`, and what is sent to the connection itself.
function isOwnAddress({ client, agent, session }: Connection, [, area, kind, ...rest]: readonly string[]): boolean {
  if (area === 'all') return kind === undefined
  const id = rest.join('.')
  return area === 'to' && ((kind === 'client' && id === client) || (kind === 'agent' && agent !== undefined && id === agent) || (kind === 'session' && id === session))
}
