// The bus as routing sees it while this broker is joined to NATS servers, or tries to be. Outlives the link's actor: interest
// that came before the link, or while it was made anew, is not lost.
//
//                  subject shared        a group here that NATS would serve
//   joined         leaves                NATS picks its member
//   joining        waits for the link    NATS picks its member, as soon as the link is there
//   holding        waits for the link    served here; nothing is held for others
//   alone          link-down             served here

import type { Bus, BusGate, QueueGroup } from '../../ground/bus.ts'
import type { NatsBusSettings } from '../../ground/settings.ts'
import type { Sink } from '../../ground/slice.ts'
import { Interest } from './interest.ts'
import type { LinkUser } from './link-user.ts'
import { SharedSubjects } from './shared-subjects.ts'

export type BusState = 'joined' | 'joining' | 'holding' | 'alone'

/** Knows at which broker clients are. */
export interface AddressBook {
  /** Under which subject a message to `$CB.to.<kind>.<id>` is published; undefined: nobody beyond this broker has that name. */
  subjectOf(subject: readonly string[]): string | undefined
}

/** Every broker gets it, and the one that has the client takes it. */
const everywhere: AddressBook = { subjectOf: (subject) => subject.join('.') }

export class NatsBus implements Bus {
  readonly subjects: SharedSubjects
  readonly interest: Interest
  /** Replaced by whoever knows better. */
  addresses: AddressBook = everywhere
  /** Told when there is a connection for key-value buckets. Filled before the link starts. */
  readonly users: LinkUser[] = []
  /** The part of this broker alone: `$CB.bus.<broker>`. */
  readonly home: string
  #gate: BusGate | undefined
  #state: BusState = 'alone'

  /** @throws BrokerError `pattern.invalid` */
  constructor(settings: NatsBusSettings, broker: string) {
    this.subjects = new SharedSubjects(settings.subjects, settings.localGroups)
    this.home = `$CB.bus.${broker}`
    this.interest = new Interest(this.subjects, ['$CB.all', '$CB.to.>', '$CB.bus.hello', '$CB.bus.bye', `${this.home}.>`])
  }

  get state(): BusState {
    return this.#state
  }

  /** The link's connection; undefined: it has none at the moment. The routes are the caller's to renew. */
  set(gate: BusGate | undefined, state: BusState): void {
    this.#gate = gate
    this.#state = state
  }

  get #isServing(): boolean {
    return this.#state === 'joined' || this.#state === 'joining'
  }

  remote(subject: readonly string[], servedHere: readonly QueueGroup[]): Sink | undefined {
    const gate = this.#gate
    if (gate === undefined || !this.#leaves(subject)) return undefined
    if (this.#isServing) return gate.sink
    // A group would get what was held for the others a second time.
    const isServed = servedHere.some((group) => this.subjects.hasGroup(group, subject))
    return this.#state === 'holding' && !isServed ? gate.sink : gate.nowhere
  }

  servesGroup(group: QueueGroup, subject: readonly string[]): boolean {
    return this.#isServing && this.subjects.hasGroup(group, subject)
  }

  get isComing(): boolean {
    return this.#state === 'joining'
  }

  interested(pattern: string, group: string | undefined): void {
    if (!pattern.startsWith('$CB.')) this.interest.add(pattern, this.#shared(pattern, group))
  }

  lostInterest(pattern: string, group: string | undefined): void {
    if (!pattern.startsWith('$CB.')) this.interest.remove(pattern, this.#shared(pattern, group))
  }

  settled(callback: () => void): void {
    this.interest.whenKnown(callback)
  }

  // A group of this broker's own gets what everybody gets, and picks its member here.
  #shared(pattern: string, group: string | undefined): string | undefined {
    return group !== undefined && this.subjects.isLocalGroup(pattern.split('.')) ? undefined : group
  }

  #leaves(subject: readonly string[]): boolean {
    if (subject[0] !== '$CB') return this.subjects.hasSubject(subject)
    if (subject[1] === 'all') return subject.length === 2
    return subject[1] === 'to' && this.addresses.subjectOf(subject) !== undefined
  }
}
