// What the link to NATS servers is made of, and what it tells of itself. Types only.

import type { BusGate } from '../../ground/bus.ts'
import type { Dialect } from '../../ground/control.ts'
import type { Deadlines } from '../../ground/deadlines.ts'
import type { BrokerError } from '../../ground/errors.ts'
import type { MovedLink } from '../../ground/handover.ts'
import type { NatsBusSettings } from '../../ground/settings.ts'
import type { Link, Log } from '../../ground/types.ts'
import type { NatsNames } from '../../wire/nats/nats-parts.ts'
import type { NatsBus } from './nats-bus.ts'

export type LinkState = 'connecting' | 'joined' | 'waiting'
/** What the chart of the link's actor is told. */
export type LinkEdge = 'JOINED' | 'LOST' | 'REFUSED' | 'RETRY'

export interface LinkStatus {
  readonly state: LinkState
  /** `host:port` of the server; undefined: none. */
  readonly server: string | undefined
  readonly serverName: string | undefined
  /** How long it has been in that state. ms */
  readonly sinceMs: number
  readonly rttMs: number
  /** Why there was no server the last time. */
  readonly problem: string | undefined
  /** Other brokers that were heard of. */
  readonly peers: number
  /** Messages that belonged to no subscription, or could not be put into NATS form. */
  readonly strays: number
  /** Messages of links that their brokers had left. */
  readonly late: number
  /** Messages that were too large for the servers, could not be written as theirs, or may not be published there. */
  readonly unsent: number
}

export interface NatsLinkOptions {
  readonly settings: NatsBusSettings
  readonly bus: NatsBus
  /** Makes the connection of the pipeline. */
  readonly join: (link: Link, dialect: Dialect) => BusGate
  readonly names: NatsNames
  readonly broker: string
  /** Of the broker: grows with each start. */
  readonly incarnation: number
  readonly version: string
  /** Messages of more bytes are not taken. */
  readonly maxMessageBytes: number
  readonly requestTimeoutMs: number
  readonly deadlines: Deadlines
  readonly nowMs: () => number
  readonly random: () => number
  /** How long to wait after so many rounds without a server. ms */
  readonly backoffMs: (failures: number) => number
  readonly log: Log
  readonly onEdge: (edge: LinkEdge) => void
  /** The connection of the pipeline was ended by somebody else. */
  readonly onEnded: (reason: BrokerError) => void
  /** As the process of this broker before this one had it: what comes is kept until `goOn()`. */
  readonly moved?: MovedLink | undefined
}
