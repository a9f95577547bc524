// SIGHUP: the configuration is read again, and what may change while the server runs changes.

import { ConfigError } from '../../config/error.ts'
import type { Broker } from '../../index.ts'
import { configure, type Configured } from './configure.ts'
import type { Flags } from './flags.ts'
import type { ServerOptions } from './options.ts'
import type { ServerLog } from './server-log.ts'
import { logOptions } from './log-options.ts'
import { toSettings } from './to-settings.ts'

interface ReloadParts {
  readonly flags: Flags
  readonly configured: Configured
  readonly broker: Broker
  readonly log: ServerLog
}

/** What a listener, a file or a name was made of. */
const fixed: readonly (readonly [what: string, of: (options: ServerOptions) => unknown])[] = [
  ['host', (options) => options.host],
  // A port that was picked stays as it is.
  ['port', (options) => options.port],
  ['server_name', (options) => options.serverName],
  ['http', (options) => options.monitor],
  ['websocket', ({ websocket }) => websocket && { ...websocket, tls: websocket.tls !== undefined }],
  ['tls', ({ tls }) => tls !== undefined],
  ['ports_file_dir', (options) => options.portsFileDirectory],
  ['pid_file', (options) => options.pidFile],
]

export class Reload {
  readonly #parts: ReloadParts
  #before: ServerOptions

  constructor(parts: ReloadParts) {
    this.#parts = parts
    this.#before = parts.configured.options
  }

  /** Reads the configuration again. A mistake in it, or a change that needs a start, is told, and everything stays as it was. */
  run(): void {
    const { flags, broker, log } = this.#parts
    try {
      const { options, warnings } = configure(flags)
      const changed = fixed.find(([, of]) => JSON.stringify(of(options)) !== JSON.stringify(of(this.#before)))
      if (changed !== undefined) throw new Error(`config reload not supported for ${changed[0]}: restart the server`)
      const next = toSettings(options)
      for (const warning of [...warnings, ...next.warnings]) log.warn(warning)
      broker.reload(next.settings)
      log.reconfigure(logOptions(options))
      this.#before = options
      log.info('Reloaded server configuration')
    } catch (error) {
      const texts = error instanceof ConfigError ? error.problems.map(({ file, at, text }) => `${file}${at === undefined ? '' : `:${at.line}:${at.column}`}: ${text}`) : [error instanceof Error ? error.message : String(error)]
      for (const text of texts) log.error(`Failed to reload server configuration: ${text}`)
    }
  }
}
