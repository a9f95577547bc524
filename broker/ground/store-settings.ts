// What queues are told by the configuration: how long, how often, how many, in which order, and where they are kept.

/**
 * When a publish is confirmed. `memory`: the store has it in memory. `os`: the operating system has it, it survives the end of the
 * process. `fsync`: the disk has it, it survives the end of the machine.
 */
export type Durability = 'memory' | 'os' | 'fsync'
export const durabilities = ['memory', 'os', 'fsync'] as const satisfies readonly Durability[]

/** `refuse`: publishers get `queue.full`. `drop-oldest`: what waits longest makes room, as a dead letter (`overflow`). `drop-newest`: what comes is dropped. */
export type WhenFull = 'refuse' | 'drop-oldest' | 'drop-newest'
export const whenFulls = ['refuse', 'drop-oldest', 'drop-newest'] as const satisfies readonly WhenFull[]

/** `per_session`: messages of one session are handled one after another. `per_queue`: all are. */
export type OrderGuarantee = 'per_session' | 'per_queue' | 'none'
export const orderGuarantees = ['per_session', 'per_queue', 'none'] as const satisfies readonly OrderGuarantee[]

export interface RetrySchedule {
  /** Deliveries before a message becomes a dead letter. 1..1000, 0 = as many as it takes */
  readonly maxAttempts: number
  /** `exponential`: initialDelay, twice that, and so on; `fixed`: initialDelay each time; a list: those, the last one again and again. ms */
  readonly backoff: 'exponential' | 'fixed' | readonly number[]
  readonly initialDelayMs: number
  readonly maxDelayMs: number
  /** Share of a delay that is random, 0..1. Not of a list's. */
  readonly jitter: number
}

export interface DeduplicationSettings {
  readonly enabled: boolean
  /** How long an id is remembered. ms */
  readonly windowMs: number
  /** `persistent`: with the queue, over restarts. */
  readonly storage: 'memory' | 'persistent'
}

export interface OrderingSettings {
  readonly enabled: boolean
  readonly guarantee: OrderGuarantee
  /** How many messages of a session wait for one that is late by its number. */
  readonly bufferSize: number
  /** How long they wait for it, and how long a session waits for a message that failed. ms */
  readonly timeoutMs: number
}

export interface QueueSettings {
  readonly durability: Durability
  /** Most messages that wait; 0 = any number. */
  readonly maxMessages: number
  /** Most bytes of them; 0 = any number. */
  readonly maxBytes: number
  readonly whenFull: WhenFull
  /** A message that waited longer expires; 0 = never. ms */
  readonly retentionMs: number
  /** How long a consumer may take before a message is delivered again. ms */
  readonly ackWaitMs: number
  /** Most messages on lease at a time. */
  readonly maxAckPending: number
  readonly retry: RetrySchedule
  /** Disabled: what would become a dead letter is gone, and counted. `maxAgeMs`: 0 = for ever. */
  readonly deadLetter: { readonly enabled: boolean; readonly maxAgeMs: number }
  readonly deduplication: DeduplicationSettings
  readonly ordering: OrderingSettings
}

/** A key: the file it stands in, or a command that prints it. 32 bytes in base64 or hex. */
export type KeySource = { readonly file: string } | { readonly command: readonly string[] }

/** Files by which servers of others are reached over TLS. undefined: what the system trusts; no certificate is shown. */
export interface StoreTls {
  readonly caFile: string | undefined
  readonly certFile: string | undefined
  readonly keyFile: string | undefined
}

export interface StoreSettings {
  readonly backend: 'embedded' | 'memory' | 'nats' | 'redis' | 'kafka'
  readonly embedded: {
    /** Directory; undefined = `store` in the home. */
    readonly path: string | undefined
    /** undefined: payloads are written as they are. The first key encrypts, all of them decrypt. */
    readonly encryption: { readonly keys: readonly KeySource[] } | undefined
    /** Integrity is checked in the background after a start. */
    readonly checkAtStart: boolean
  }
  readonly redis: {
    readonly url: string
    readonly passwordFile: string | undefined
    /** undefined: where the url is `rediss://`, with what the system trusts. */
    readonly tls?: StoreTls | undefined
    readonly prefix: string
    /** A weaker fsync policy than a queue asks for is an error; false: a warning. */
    readonly strictDurability: boolean
  }
  readonly nats: {
    readonly servers: readonly string[]
    readonly credentials: string | undefined
    /** undefined: where a server is `tls://`, with what the system trusts. */
    readonly tls?: StoreTls | undefined
    readonly replicas: number
  }
  readonly kafka: { readonly brokers: readonly string[]; readonly clientId: string; readonly prefix: string; readonly replicas: number }
}

/** The block `queue`: what holds for queues that say nothing else, and whether there may be any. */
export interface QueuesSettings {
  /** false: channels of mode `queue` are refused. */
  readonly enabled: boolean
  readonly defaults: QueueSettings
}

const SECOND_MS = 1000
const DAY_MS = 86_400_000
const MIB = 1024 * 1024

export const defaultQueue: QueueSettings = {
  durability: 'fsync',
  maxMessages: 10_000,
  maxBytes: 1024 * MIB,
  whenFull: 'refuse',
  retentionMs: 0,
  ackWaitMs: 30 * SECOND_MS,
  maxAckPending: 10_000,
  retry: { maxAttempts: 3, backoff: 'exponential', initialDelayMs: SECOND_MS, maxDelayMs: 30 * SECOND_MS, jitter: 0.2 },
  deadLetter: { enabled: true, maxAgeMs: 7 * DAY_MS },
  deduplication: { enabled: false, windowMs: 300 * SECOND_MS, storage: 'persistent' },
  ordering: { enabled: false, guarantee: 'per_session', bufferSize: 100, timeoutMs: 10 * SECOND_MS },
}

export const defaultStore: StoreSettings = {
  backend: 'embedded',
  embedded: { path: undefined, encryption: undefined, checkAtStart: true },
  redis: { url: 'redis://127.0.0.1:6379', passwordFile: undefined, prefix: 'callboard', strictDurability: true },
  nats: { servers: [], credentials: undefined, replicas: 1 },
  kafka: { brokers: ['127.0.0.1:9092'], clientId: 'callboard', prefix: 'callboard', replicas: 1 },
}
