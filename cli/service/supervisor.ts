// What `callboard service` asks of the system's supervisor, whichever it is.

import type { ServiceSpec } from './service-spec.ts'
import type { ToolRun } from './run-tool.ts'

export interface ServiceState {
  readonly isEnabled: boolean
  readonly isRunning: boolean
  readonly pid?: number | undefined
  /** Its own words, such as `active (running), 2 restarts`. */
  readonly text: string
}

export interface Supervisor {
  readonly name: 'systemd' | 'launchd'
  /** Where the unit belongs. */
  readonly file: string
  text(spec: ServiceSpec): string
  /** Why it cannot be used here; undefined: it can. */
  problem(): Promise<string | undefined>
  /** What is run, in order, when the unit is in place; and when it is to go, before and after. */
  readonly install: readonly (readonly string[])[]
  readonly beforeRemoval: readonly (readonly string[])[]
  readonly afterRemoval: readonly (readonly string[])[]
  /** True for a failure of a command that only says that it was done before. */
  isHarmless(run: ToolRun): boolean
  state(): Promise<ServiceState>
  /** What remains to be done by hand, after the installation. */
  readonly remark?: string | undefined
}
