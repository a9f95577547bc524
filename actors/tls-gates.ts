// The certificates of all ports: opened by the settings, read again together.

import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { NatsTlsSettings } from '../broker/ground/settings.ts'
import type { Log } from '../broker/ground/types.ts'
import type { TlsGate } from '../transports/tcp/tls-gate.ts'

export class TlsGates {
  readonly #deadlines: Deadlines
  readonly #log: Log
  /** By the block of the configuration. */
  readonly #gates = new Map<string, TlsGate>()

  constructor(deadlines: Deadlines, log: Log) {
    this.#deadlines = deadlines
    this.#log = log
  }

  /**
   * The gate of a port; undefined where it has no TLS.
   * @throws BrokerError `config.invalid`: a file cannot be read or used
   */
  async open(settings: NatsTlsSettings | undefined, block: string): Promise<TlsGate | undefined> {
    if (settings === undefined) return undefined
    // Not a static import: most brokers have no certificates.
    const { TlsGate: Gate } = await import('../transports/tcp/tls-gate.ts')
    const gate = new Gate({ settings, block, deadlines: this.#deadlines, log: this.#log })
    this.#gates.set(block, gate)
    return gate
  }

  /**
   * Reads all certificates again, for connections from now on.
   * @throws BrokerError `config.invalid`: of that port the old ones stay
   */
  reload(): void {
    for (const gate of this.#gates.values()) gate.reload()
  }
}
