// The NATS port as the settings have it.

import type { ErrorCode } from '../broker/ground/errors.ts'
import { defaultSettings, type Settings } from '../broker/ground/settings.ts'
import type { Link, Listener, Log } from '../broker/ground/types.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { TcpListener } from '../transports/tcp/tcp-listener.ts'
import type { NatsDoor } from './nats-door.ts'
import { openOrDoWithout } from './optional-port.ts'
import { tcpPreparation } from './tcp-preparation.ts'
import type { TlsGates } from './tls-gates.ts'

export interface NatsPortOptions {
  readonly settings: Settings
  readonly log: Log
  readonly sockets: ListeningSockets
  readonly gates: TlsGates
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
export async function openNatsPort({ settings, log, sockets, gates, door, onLink, onRefused, onMissing }: NatsPortOptions): Promise<Listener | undefined> {
  const { nats, network, ipc, gateway } = settings
  const tls = await gates.open(nats.tls, 'nats.tls')
  const port = { name: 'NATS port', host: nats.host, defaultHost: defaultSettings.nats.host, isPortRequired: nats.isPortRequired, isOneOfSeveral: ipc.enabled || gateway.enabled, log, onMissing }
  return openOrDoWithout(port, () =>
    TcpListener.open({
      host: nats.host,
      port: nats.port,
      log,
      sockets,
      prepare: tcpPreparation(network),
      tls,
      enter: (address, isLocal) => door.enter(address, isLocal),
      onRefused,
      onLink,
    }),
  )
}
