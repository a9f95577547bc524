// The match cache: subject bytes → route, built when first asked for and again after what it rests on has changed.
//
// A route is current while two counters stand where they stood: its first token's, and the global one that patterns
// with a wildcard first token raise. So a new subscriber on `events.>` leaves the routes of `command` alone.

import { BrokerError } from '../ground/errors.ts'
import { parseSubject } from '../ground/subject.ts'
import { InboxRoutes, type InboxBuilder } from './inbox-routes.ts'
import { Route, type Changes } from './route.ts'

/** Most subjects that are remembered; past it all are forgotten and found again as they come. */
const MAX_ROUTES = 65_536
const FIRST_SLOTS = 1024
const UNDERSCORE = 0x5f
const INBOX = new TextEncoder().encode('_INBOX.')

const text = new TextDecoder('utf-8', { fatal: true })

export class Routes {
  readonly #builder: InboxBuilder
  readonly #inboxes: InboxRoutes
  /** Hash with a seed of its own per process, so that nobody can choose subjects that collide. */
  readonly #seed: number
  readonly #changes = new Map<string, Changes>()
  #global = 0
  #slots: (Route | undefined)[] = new Array<Route | undefined>(FIRST_SLOTS).fill(undefined)
  #size = 0
  /** How often a route was built, anew or again. */
  built = 0

  constructor(builder: InboxBuilder, seed: number) {
    this.#builder = builder
    this.#inboxes = new InboxRoutes(builder)
    this.#seed = seed | 0
  }

  get size(): number {
    return this.#size
  }

  /**
   * The current route of the subject `bytes[start..end)`.
   * @throws BrokerError `subject.invalid`
   */
  find(bytes: Uint8Array, start: number, end: number): Route {
    if (bytes[start] === UNDERSCORE && isInbox(bytes, start, end)) return this.#findInbox(bytes, start, end)
    let hash = this.#seed
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
    hash ^= hash >>> 15
    const mask = this.#slots.length - 1
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const route = this.#slots[at]
      // A copy, which `slice` of a Buffer is not: a route must not keep the chunk that it was first seen in.
      if (route === undefined) return this.#add(new Uint8Array(bytes.subarray(start, end)), hash)
      if (route.hash === hash && route.isSubject(bytes, start, end)) return this.isCurrent(route) ? route : this.#refresh(route)
    }
  }

  /** How many receivers each route has, a queue group as one. */
  *fanouts(): Iterable<number> {
    for (const route of this.#slots) if (route !== undefined) yield route.receivers.plain.length + route.receivers.filtered.length + route.receivers.groups.length
  }

  isCurrent(route: Route): boolean {
    return route.builtGlobal === this.#global && route.builtToken === route.changes.count
  }

  /** Makes the routes that a pattern may match be built again. */
  invalidate(pattern: readonly string[]): void {
    const first = pattern[0]!
    if (first === '*' || first === '>') this.#global++
    else {
      // No route, no counter: subscribers alone cannot make this map grow.
      const changes = this.#changes.get(first)
      if (changes !== undefined) changes.count++
    }
  }

  /** Makes all routes be built again, as after a change of permissions. */
  invalidateAll(): void {
    this.#global++
  }

  // Reply subjects are used once: none takes a place among those that come again.
  #findInbox(bytes: Uint8Array, start: number, end: number): Route {
    const changes = this.#changesOf('_INBOX')
    return this.#inboxes.find(bytes, start, end, changes, this.#global) ?? this.#make(new Uint8Array(bytes.subarray(start, end)), 0)
  }

  #refresh(route: Route): Route {
    route.replace(this.#builder.build(route.tokens, route.subject))
    this.#mark(route)
    return route
  }

  #mark(route: Route): void {
    this.built++
    route.builtGlobal = this.#global
    route.builtToken = route.changes.count
  }

  #add(bytes: Uint8Array, hash: number): Route {
    // Before the route takes its counter: one that was forgotten counts nothing any more.
    if (this.#size >= MAX_ROUTES) this.#forget()
    else if (this.#size * 2 >= this.#slots.length) this.#grow()
    const route = this.#make(bytes, hash)
    this.#put(route)
    this.#size++
    return route
  }

  #make(bytes: Uint8Array, hash: number): Route {
    const subject = decodeSubject(bytes)
    const tokens = parseSubject(subject)
    const route = new Route(subject, tokens, bytes, hash, this.#changesOf(tokens[0]!), this.#builder.build(tokens, subject))
    this.#mark(route)
    return route
  }

  #changesOf(first: string): Changes {
    let changes = this.#changes.get(first)
    if (changes === undefined) this.#changes.set(first, (changes = { count: 0 }))
    return changes
  }

  #put(route: Route): void {
    const mask = this.#slots.length - 1
    let at = route.hash & mask
    while (this.#slots[at] !== undefined) at = (at + 1) & mask
    this.#slots[at] = route
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Array<Route | undefined>(old.length * 2).fill(undefined)
    for (const route of old) if (route !== undefined) this.#put(route)
  }

  #forget(): void {
    this.#slots = new Array<Route | undefined>(FIRST_SLOTS).fill(undefined)
    this.#size = 0
    this.#changes.clear()
    this.#inboxes.forget()
    this.#global++
  }
}

function isInbox(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start <= INBOX.length) return false
  for (let i = 1; i < INBOX.length; i++) if (bytes[start + i] !== INBOX[i]) return false
  return true
}

function decodeSubject(bytes: Uint8Array): string {
  try {
    return text.decode(bytes)
  } catch (error) {
    throw new BrokerError('subject.invalid', { subject: '', problem: 'it is not valid UTF-8' }, { cause: error })
  }
}
