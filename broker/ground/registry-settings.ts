// How the registry shares out requests, and who gives a capability, as the configuration has it.

/** How requests to a name are shared out among its instances. */
export type Balancing = 'least_outstanding' | 'round_robin' | 'sticky'
export const balancings = ['least_outstanding', 'round_robin', 'sticky'] as const satisfies readonly Balancing[]

/** How the requests to one name are shared out. */
export interface ServiceSettings {
  /** undefined: as all are. */
  readonly balancing: Balancing | undefined
  /** By range of versions: its share beside the others. Instances in none of them together have 100. 0..1000 */
  readonly weights: Readonly<Record<string, number>>
}

export type CapabilityPreference = 'listed' | 'local_first'
export const capabilityPreferences = ['listed', 'local_first'] as const satisfies readonly CapabilityPreference[]

/** Where a capability comes from. */
export interface CapabilitySettings {
  /** `node:<type>`, `host`, `cloud`, `agent:<name>`, `service:<name>`; in order of preference. None: any instance that has it. */
  readonly providers: readonly string[]
  /** Tried when none of them has anybody. */
  readonly fallback: string | undefined
  /** `local_first`: those on the machine of the broker before others, whatever the order. */
  readonly preference: CapabilityPreference
  /** Without a provider it is an error. default true */
  readonly required: boolean
}

export interface RegistrySettings {
  /** default least_outstanding */
  readonly balancing: Balancing
  /** Most instances in all. default 100000 */
  readonly maxInstances: number
  readonly services: Readonly<Record<string, ServiceSettings>>
  readonly capabilities: Readonly<Record<string, CapabilitySettings>>
}

/** Of a capability that nothing is configured for. */
export const defaultCapability: CapabilitySettings = { providers: [], fallback: undefined, preference: 'listed', required: true }

export const defaultRegistry: RegistrySettings = { balancing: 'least_outstanding', maxInstances: 100_000, services: {}, capabilities: {} }
