// What a pipeline is made of beside the parts of its own.

import type { Connection } from './connection.ts'
import type { CoreOptions } from './core.ts'
import type { Dialect, Ingress } from './ground/control.ts'

/** The dialects that there are. */
export interface Dialects {
  /** What a client is told before it has said anything; undefined where it speaks first. */
  greet(connection: Connection): Uint8Array | undefined
  /** The dialect of a connection whose link says which one is spoken on it; undefined: the first byte will. */
  known(connection: Connection, ingress: Ingress<Connection>): Dialect | undefined
  /** The dialect that a first byte on the connection's link announces; undefined when none begins so. */
  begin(firstByte: number, connection: Connection, ingress: Ingress<Connection>, maxFrameBytes: number): Dialect | undefined
  /** What a client is told when the broker, or what it said of itself in the greeting, has changed; undefined where its dialect has no word for it. `isLeaving`: it should go elsewhere. */
  notice(connection: Connection, isLeaving: boolean): Uint8Array | undefined
}

export interface PipelineOptions extends CoreOptions {
  readonly dialects: Dialects
  /** True for processes that this broker started. */
  readonly isOwnAgent: (pid: number) => boolean
  /** The user of the system as whom a principal may come beside the broker's own; undefined: as no other. */
  readonly userOf?: (principal: string) => number | undefined
  /** Connections at a time; one more gets `connection.limit`. */
  readonly maxConnections: number
}
