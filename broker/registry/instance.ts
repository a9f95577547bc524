// One registered instance: what it says of itself, how it is, and what it has to do. Knows neither routes nor frames.

import type SemVer from 'semver/classes/semver.js'
import type { ChosenInstance, Endpoint, InstanceHealth, InstanceInfo, InstanceKind, InstanceOwner, Registration, RegistrationUpdate, RequestOutcome } from '../ground/registry.ts'
import type { Sink } from '../ground/slice.ts'
import { SERVICE_PREFIX } from '../ground/registry.ts'
import type { LoadEntry } from './turns.ts'
import { registrationBytes } from './registration-bytes.ts'
import { readVersion } from './version.ts'

/** The worse, the further on. */
const severity: readonly InstanceHealth[] = ['healthy', 'unhealthy', 'starting', 'draining']
const DEFAULT_WEIGHT = 100

export class Instance implements ChosenInstance {
  readonly owner: InstanceOwner
  readonly kind: InstanceKind
  readonly name: string
  readonly instance: string
  readonly registeredAt: number
  version: SemVer
  capabilities: readonly string[]
  metadata: Readonly<Record<string, string>>
  endpoints: readonly Endpoint[]
  weight: number
  /** What it says of itself takes so much. */
  bytes: number
  /** What it says itself. */
  #said: InstanceHealth
  /** What the broker has found. */
  #seen: InstanceHealth | undefined
  /** Where requests to its name are delivered for it; undefined: nowhere at the moment. */
  sink: Sink | undefined
  outstanding = 0
  requests = 0
  failures = 0
  answered = 0
  unanswered = 0
  tookMs = 0
  revision = 0
  isRegistered = true
  /** It was counted among those that get requests. */
  isUp = false
  /** Its places in the orders that go by load. */
  readonly places: LoadEntry[] = []

  /** @throws BrokerError `registry.bad_version` */
  constructor(owner: InstanceOwner, registration: Registration, registeredAt: number) {
    const { kind = 'service', name, version = '0.0.0', instance = owner.client, capabilities = [], metadata = {}, endpoints = [], weight = DEFAULT_WEIGHT, health = 'healthy' } = registration
    this.owner = owner
    this.kind = kind
    this.name = name
    this.instance = instance
    this.registeredAt = registeredAt
    this.version = readVersion(version)
    this.capabilities = capabilities
    this.metadata = metadata
    this.endpoints = endpoints
    this.weight = weight
    this.bytes = registrationBytes(this)
    this.#said = health
    this.sink = owner.sinkFor(SERVICE_PREFIX + name)
  }

  get said(): InstanceHealth {
    return this.#said
  }

  /** The worst that is known. */
  get health(): InstanceHealth {
    return worse(worse(worse(this.#said, this.#seen), this.owner.found), this.owner.kept)
  }

  /** True when a request may go to it: at all, or as the last resort. */
  get takesRequests(): boolean {
    const { health } = this
    return this.sink !== undefined && (health === 'healthy' || health === 'unhealthy')
  }

  get info(): InstanceInfo {
    const { kind, name, version, instance, capabilities, metadata, endpoints, weight, health, owner, registeredAt, outstanding, requests, failures, revision } = this
    return {
      kind, name, version: version.raw, instance, capabilities, metadata, endpoints, weight, health,
      reachable: this.sink !== undefined,
      connection: owner.id, client: owner.client, principal: owner.principal, transport: owner.transport, local: owner.isLocal,
      registeredAt, outstanding, requests, failures, revision,
    }
  }

  /** @throws BrokerError `registry.bad_version`; nothing is changed then */
  change({ version, capabilities, metadata, endpoints, weight, health }: RegistrationUpdate): void {
    if (version !== undefined) this.version = readVersion(version)
    if (capabilities !== undefined) this.capabilities = capabilities
    if (metadata !== undefined) this.metadata = metadata
    if (endpoints !== undefined) this.endpoints = endpoints
    if (weight !== undefined) this.weight = weight
    this.bytes = registrationBytes(this)
    if (health !== undefined) this.#said = health
  }

  observe(health: InstanceHealth | undefined): void {
    this.#seen = health
  }

  began(): number {
    this.outstanding++
    this.requests++
    for (let i = 0; i < this.places.length; i++) this.places[i]!.changed()
    const { now } = this.owner
    return now === undefined ? 0 : now()
  }

  ended(beganMs: number, end: RequestOutcome): void {
    this.outstanding--
    if (end === 'answered') this.answered++
    else if (end === 'unanswered') this.unanswered++
    const { now } = this.owner
    if (beganMs > 0 && now !== undefined && end !== 'given-up') this.tookMs += now() - beganMs
    for (let i = 0; i < this.places.length; i++) this.places[i]!.changed()
  }

  failed(): void {
    this.failures++
  }
}

function worse(one: InstanceHealth, other: InstanceHealth | undefined): InstanceHealth {
  return other === undefined || severity.indexOf(one) > severity.indexOf(other) ? one : other
}
