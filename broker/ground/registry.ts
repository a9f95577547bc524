// The registry of instances: what they say of themselves, how they are found, and who gets a request to a name. Types only.

import type { Sink } from './slice.ts'

/** What registers: a supervised agent, a device, or any other program that answers under a name. */
export type InstanceKind = 'agent' | 'node' | 'service'
export const instanceKinds = ['agent', 'node', 'service'] as const satisfies readonly InstanceKind[]

/** Only `healthy` ones get requests; `unhealthy` ones where there is nobody else, `starting` and `draining` ones never. */
export type InstanceHealth = 'healthy' | 'unhealthy' | 'starting' | 'draining'
export const instanceHealths = ['healthy', 'unhealthy', 'starting', 'draining'] as const satisfies readonly InstanceHealth[]

/** Something that an instance offers beside requests to its name. Shown to others, decides nothing. */
export interface Endpoint {
  readonly name: string
  readonly subject?: string
  readonly url?: string
}

/** What an instance says of itself: at most 16,384 bytes of text, each capability, key and endpoint counting 64 more. */
export interface Registration {
  /** default service */
  readonly kind?: InstanceKind
  /** 1..128 of A-Z a-z 0-9 . _ - */
  readonly name: string
  /** Semantic version. default 0.0.0 */
  readonly version?: string
  /** Unlike that of the other instances of the name. default the client id of its connection */
  readonly instance?: string
  /** At most 64, 1..128 characters each. */
  readonly capabilities?: readonly string[]
  /** At most 64 keys of 1..128 characters, values of at most 1024. */
  readonly metadata?: Readonly<Record<string, string>>
  /** At most 32. */
  readonly endpoints?: readonly Endpoint[]
  /** Its share of the requests beside that of others. 1..1000, default 100 */
  readonly weight?: number
  /** default healthy */
  readonly health?: InstanceHealth
}

/** What may change while it is registered; what is left out stays. */
export type RegistrationUpdate = Partial<Omit<Registration, 'name' | 'kind' | 'instance'>>

/** An instance as others see it. */
export interface InstanceInfo {
  readonly kind: InstanceKind
  readonly name: string
  readonly version: string
  readonly instance: string
  readonly capabilities: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly endpoints: readonly Endpoint[]
  readonly weight: number
  /** The worst of what it says itself and what the broker has found. */
  readonly health: InstanceHealth
  /** Requests reach it: its connection has a link, and a subscription where its protocol needs one. */
  readonly reachable: boolean
  /** `conn-<origin>` */
  readonly connection: string
  readonly client: string
  readonly principal: string
  readonly transport: string
  /** On the machine of the broker. */
  readonly local: boolean
  /** ms since the epoch */
  readonly registeredAt: number
  /** Requests by its name that it has not answered yet. */
  readonly outstanding: number
  /** Requests that it got by its name, and of those the ones that ended in an error, a time-out or its own end. */
  readonly requests: number
  readonly failures: number
  /** The registry's count of changes when this one changed last; grows with each. */
  readonly revision: number
}

/** Which instances are meant. All that are given must hold. */
export interface RegistryQuery {
  readonly name?: string
  readonly kind?: InstanceKind
  /** Semantic range, such as `^2.1` or `>=1 <3`. */
  readonly version?: string
  readonly capability?: string
  /** Keys with exactly these values. */
  readonly metadata?: Readonly<Record<string, string>>
  readonly health?: InstanceHealth
  /** Most instances in the answer. 1..10000, default 1000 */
  readonly limit?: number
}

export interface RegistryAnswer {
  readonly instances: readonly InstanceInfo[]
  /** How many there are in all, beyond the limit too. */
  readonly total: number
  /** The registry's count of changes: events with a revision above it are news. */
  readonly revision: number
}

/** `updated`: what it says of itself, or whether it is reachable; `health`: how it is. */
export type RegistryEventKind = 'joined' | 'left' | 'updated' | 'health'

/** A change, as published on `$CB.registry.<event>.<name>`. */
export interface RegistryEvent {
  readonly event: RegistryEventKind
  readonly instance: InstanceInfo
  readonly revision: number
}

/** Who a registration belongs to: a connection, or what stands for a participant of another protocol. */
export interface InstanceOwner {
  /** Number of the connection. */
  readonly number: number
  /** `conn-<origin>` */
  readonly id: string
  readonly client: string
  readonly principal: string
  readonly transport: string
  /** On the machine of the broker. */
  readonly isLocal: boolean
  /** What probes found of it, for all its instances; undefined: nothing that speaks against it. */
  readonly found?: InstanceHealth | undefined
  /** Times the answers of its instances: monotonic ms. undefined: nobody does. */
  readonly now?: (() => number) | undefined
  /** What whoever runs it says of it, for all its instances; undefined: nothing. */
  readonly kept?: InstanceHealth | undefined
  /** One of its instances is not registered any more; `load`: what that has had to do, which changes until nothing is outstanding. */
  removed?(load: InstanceLoad): void
  /** What requests on `subject` are delivered to at the moment; undefined: it cannot be reached. */
  sinkFor(subject: string): Sink | undefined
}

/** What an admin holds an instance for, by its name and id. */
export interface Hold {
  readonly name: string
  readonly instance: string
  readonly health: InstanceHealth
}

/** A registration in the hands of whoever made it. */
export interface RegistrationHandle {
  readonly info: InstanceInfo
  /** What it says of its health itself, whatever others know of it. */
  readonly said: InstanceHealth
  /** False: it has ended, by its owner's end or by another's taking over. */
  readonly isRegistered: boolean
  /** @throws BrokerError `registry.not_registered`, `registry.bad_version`, `registry.invalid`, `registry.limit` */
  update(changes: RegistrationUpdate): void
  /** What it is held for, beside what it says itself, and whoever has its name and id after it; undefined: nothing any more. */
  observe(health: InstanceHealth | undefined): void
  /** Takes it out; its open requests go on. Again: nothing happens. */
  end(): void
}

/** What a request asks of the choice: headers `version` and `affinity`. */
export interface ServiceWish {
  /** Semantic range. */
  readonly version: string | undefined
  /** Requests with the same key go to the same instance, as long as it is there. */
  readonly affinity: string | undefined
}

/** `given-up`: whoever asked wants no answer any more. */
export type RequestOutcome = 'answered' | 'unanswered' | 'given-up'

/** What instances have had to do: counts since they registered. */
export interface InstanceLoad {
  readonly outstanding: number
  readonly failures: number
  /** Requests that were answered, be it with an error, and those that were not. */
  readonly answered: number
  readonly unanswered: number
  /** How long those that ended took, together, where their owner times them. ms */
  readonly tookMs: number
}

/** An instance that a request was given to. */
export interface ChosenInstance {
  readonly sink: Sink | undefined
  /** A request to it is open. Returns when that was, which `ended` is to be told: monotonic ms, 0 where nobody times its answers. */
  began(): number
  /** It is open no more. */
  ended(beganMs: number, end: RequestOutcome): void
  /** It ended badly; told before `ended`. */
  failed(): void
}

/** All instances of one name, as routes know them. */
export interface ServiceTarget {
  readonly name: string
  /**
   * Who gets the next message; undefined: nobody can. `client` is the key where one is needed and none given, `except` the
   * number of the connection that is left out, 0 = none.
   */
  choose(wish: ServiceWish | undefined, client: string, except: number): ChosenInstance | undefined
  /** @throws BrokerError `registry.bad_version`: the wish is none that `choose` understands */
  check(wish: ServiceWish): void
}

/** Who gives a capability. */
export interface Negotiated {
  readonly capability: string
  readonly required: boolean
  /** The word of the configuration that it meets; missing where there is nobody, and where any will do. */
  readonly provider?: string
  /** It is the fallback. */
  readonly fallback: boolean
  /** Missing: nobody gives it, and it is not required. */
  readonly instance?: InstanceInfo
}

/** The tokens in front of a name to which requests go. */
export const SERVICE_PREFIX = '$CB.to.service.'
