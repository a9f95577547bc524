// What an agent is kept from: how it is asked for, and what was achieved. Data only.

/** Each holds what those before it hold. */
export const sandboxLevels = ['none', 'limits', 'restricted', 'isolated'] as const
export type SandboxLevel = (typeof sandboxLevels)[number]

export interface SandboxSettings {
  /**
   * `limits`: memory, processes, processor and files are limited, and rights are given up. `restricted`: it reads, writes and reaches
   * what is named, signals and traces nobody else, and makes no system call that reaches the machine. `isolated`: other processes,
   * files, users and networks do not exist for it.
   */
  readonly level: SandboxLevel
  /** Absolute paths, beside the system's programs and libraries. */
  readonly files: { readonly read: readonly string[]; readonly write: readonly string[] }
  readonly network: SandboxNetwork
  /** bytes; undefined = no limit, here and below */
  readonly memoryBytes: number | undefined
  /** How many processors' worth of time it may use. */
  readonly cpus: number | undefined
  /** Processor time after which a process of it is ended. ms */
  readonly cpuTimeMs: number | undefined
  /** Processes and threads. */
  readonly processes: number | undefined
  /** Files that a process of it may have open. */
  readonly openFiles: number | undefined
  /** Largest file that it may write. bytes */
  readonly fileBytes: number | undefined
  /** Memory, processes and processor are held by control groups where the broker may make them; false = always process by process. */
  readonly controlGroups: boolean
  /** Start it with less when this machine cannot give what is asked; what is missing is told. */
  readonly allowWeaker: boolean
}

/** Grants: `connect:PORT` and `listen:PORT` of TCP, `udp` as a whole. */
export type SandboxNetwork = 'none' | 'loopback' | 'all' | readonly string[]

/** What a sandbox consists of. */
export type SandboxPart = 'privileges' | 'memory' | 'processes' | 'cpu' | 'cpuTime' | 'openFiles' | 'fileSize' | 'files' | 'network' | 'signals' | 'systemCalls' | 'namespaces'

export interface SandboxReport {
  readonly asked: SandboxLevel
  /** The highest level of which nothing is missing. A limit that is missing does not lower it: `missing` has it. */
  readonly achieved: SandboxLevel
  /** By what each part is held, such as `files: Landlock 7`. */
  readonly parts: Readonly<Partial<Record<SandboxPart, string>>>
  /** What was asked for and is not there, each with its reason. Empty unless weaker ones are allowed. */
  readonly missing: readonly string[]
}

export const noSandbox: SandboxSettings = {
  level: 'none',
  files: { read: [], write: [] },
  network: 'none',
  memoryBytes: undefined,
  cpus: undefined,
  cpuTimeMs: undefined,
  processes: undefined,
  openFiles: undefined,
  fileBytes: undefined,
  controlGroups: true,
  allowWeaker: false,
}
