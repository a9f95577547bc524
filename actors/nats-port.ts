// The NATS port as the settings have it, and what becomes of a port that is taken.

import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import { defaultSettings, type Settings } from '../broker/ground/settings.ts'
import type { Link, Log } from '../broker/ground/types.ts'
import { openTcpKeepAlive } from '../native/tcp-keep-alive.ts'
import { isPortTaken } from '../transports/tcp/bind.ts'
import { TcpListener } from '../transports/tcp/tcp-listener.ts'
import type { NatsDoor } from './nats-door.ts'

export interface NatsPortOptions {
  readonly settings: Settings
  readonly log: Log
  readonly door: NatsDoor
  readonly onLink: (link: Link) => void
  readonly onRefused: (address: string, code: ErrorCode) => void
  /** Told why there is none. */
  readonly onMissing: (problem: string) => void
}

/**
 * Opens the NATS port; undefined when it is taken and nobody asked for that very port: the broker runs without it then.
 * @throws BrokerError `listener.failed`
 */
export async function openNatsPort({ settings, log, door, onLink, onRefused, onMissing }: NatsPortOptions): Promise<TcpListener | undefined> {
  const { nats, network, ipc, gateway } = settings
  const { keepAlive, keepAliveIntervalMs, keepAliveProbes } = network.tcp
  try {
    return await TcpListener.open({
      host: nats.host,
      port: nats.port,
      log,
      prepare: keepAlive ? openTcpKeepAlive({ intervalMs: keepAliveIntervalMs, probes: keepAliveProbes }) : () => {},
      enter: (address, isLocal) => door.enter(address, isLocal),
      onRefused,
      onLink,
    })
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
