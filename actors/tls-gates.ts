// The certificates of all ports: opened by the settings, read again together.

import type { Deadlines } from '../broker/ground/deadlines.ts'
import type { NatsSettings, NatsTlsSettings } from '../broker/ground/settings.ts'
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
   * Reads all certificates again; `nats`: by other settings than until now, where a port has TLS in both. Gives what makes connections
   * from then on go by them; until that is called nothing has changed.
   * @throws BrokerError `config.invalid`: a file cannot be read or used
   */
  prepare(nats?: NatsSettings): () => void {
    const next: Readonly<Record<string, NatsTlsSettings | undefined>> = { 'nats.tls': nats?.tls, 'nats.websocket.tls': nats?.websocket?.tls }
    const prepared = [...this.#gates].map(([block, gate]) => gate.prepare(next[block]))
    return () => prepared.forEach((change) => change())
  }
}
