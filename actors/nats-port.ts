// The NATS port as the settings have it, and what becomes of a port that is taken.

import type { Deadlines } from '../broker/ground/deadlines.ts'
import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import { defaultSettings, type NatsTlsSettings, type Settings } from '../broker/ground/settings.ts'
import type { Link, Listener, Log } from '../broker/ground/types.ts'
import { openTcpKeepAlive } from '../native/tcp-keep-alive.ts'
import { isPortTaken } from '../transports/tcp/bind.ts'
import { TcpListener } from '../transports/tcp/tcp-listener.ts'
import type { TlsGate } from '../transports/tcp/tls-gate.ts'
import type { NatsDoor } from './nats-door.ts'

export interface NatsPort extends Listener {
  /**
   * Reads the certificates again; clients that connect from now on get the new ones.
   * @throws BrokerError `config.invalid`: the old ones stay
   */
  reloadCertificates(): void
}

export interface NatsPortOptions {
  readonly settings: Settings
  readonly log: Log
  readonly deadlines: Deadlines
  readonly door: NatsDoor
  readonly onLink: (link: Link) => void
  readonly onRefused: (address: string, code: ErrorCode) => void
  /** Told why there is none. */
  readonly onMissing: (problem: string) => void
}

/**
 * Opens the NATS port; undefined when it is taken and nobody asked for that very port: the broker runs without it then.
 * @throws BrokerError `listener.failed`, `config.invalid` when the certificates cannot be used
 */
export async function openNatsPort({ settings, log, deadlines, door, onLink, onRefused, onMissing }: NatsPortOptions): Promise<NatsPort | undefined> {
  const { nats, network, ipc, gateway } = settings
  const { keepAlive, keepAliveIntervalMs, keepAliveProbes } = network.tcp
  const gate = nats.tls === undefined ? undefined : await openGate(nats.tls, 'nats.tls', deadlines, log)
  try {
    const listener = await TcpListener.open({
      host: nats.host,
      port: nats.port,
      log,
      prepare: keepAlive ? openTcpKeepAlive({ intervalMs: keepAliveIntervalMs, probes: keepAliveProbes }) : () => {},
      tls: gate,
      enter: (address, isLocal) => door.enter(address, isLocal),
      onRefused,
      onLink,
    })
    return { address: listener.address, close: () => listener.close(), reloadCertificates: () => gate?.reload() }
  } catch (error) {
    // An address that cannot be had was asked for: the default is everywhere. Without any other way in, nobody could reach the broker.
    const isAddressWrong = nats.host !== defaultSettings.nats.host && !isPortTaken(error)
    if (nats.isPortRequired || isAddressWrong || !(ipc.enabled || gateway.enabled)) throw error
    const problem = BrokerError.from(error).message
    log.warn({ problem }, 'the broker runs without NATS port')
    onMissing(problem)
    return undefined
  }
}

// Not a static import: most brokers have no certificates.
async function openGate(settings: NatsTlsSettings, block: string, deadlines: Deadlines, log: Log): Promise<TlsGate> {
  const { TlsGate: Gate } = await import('../transports/tcp/tls-gate.ts')
  return new Gate({ settings, block, deadlines, log })
}
