// The interfaces by which the parts of the broker meet. Nothing here runs.

import type { BrokerError } from './errors.ts'
import type { ResponseRules } from './nats-settings.ts'
import type { LinkMemory } from './shared-memory.ts'
import type { QueueOverrides } from './queue-overrides.ts'

/** Structured log of one part. Never given a secret. */
export interface Log {
  debug(fields: object, text: string): void
  info(fields: object, text: string): void
  warn(fields: object, text: string): void
  error(fields: object, text: string): void
  child(fields: object): Log
}

/** Who is at the other end of a link, as the kernel says; undefined where it cannot. */
export interface Peer {
  /** Where it came from, for people: `unix`, `127.0.0.1:40112`. */
  readonly address: string
  readonly pid: number | undefined
  readonly uid: number | undefined
  /** It came over the network, from this machine or from another: no directory's mode kept anybody out. undefined: it did not. */
  readonly network?: 'local' | 'remote'
}

/**
 * How a link cuts what it carries: `stream` not at all, `text` and `binary` into messages. A link with messages is
 * `text` until its first message has come, which decides.
 */
export type Framing = 'stream' | 'text' | 'binary'

/**
 * Puts the pieces of one write into the form that a link carries. Shared by all links of a kind, so that receivers of
 * the same slices share the result; nobody may write into it.
 */
export type Wrap = (pieces: readonly Uint8Array[]) => readonly Uint8Array[]

/** What a link tells its owner. */
export interface LinkHandler {
  /**
   * Bytes arrived. They belong to the handler from now on: nobody else reads or writes them. `endsMessage`: with them a
   * message of the link ends; always false on streams. A text message arrives whole.
   */
  received(chunk: Uint8Array, endsMessage: boolean): void
  /** What was written has left the process; the next write may follow. Also called for a write that was taken at once. */
  written(): void
  /** The other end sends no more. `problem`: it broke the rules of the link, which it should be told. */
  ended(problem?: BrokerError): void
  /** The link is gone, whoever closed it; called exactly once and last. */
  closed(problem: Error | undefined): void
}

/** One way to a peer. */
export interface Link {
  readonly peer: Peer
  readonly framing: Framing
  /** What is spoken on it, where the port decides that; undefined: what the first byte or message says. */
  readonly protocol?: 'nats'
  /** What carries it, where framing and peer do not say so. */
  readonly transport?: 'grpc' | 'fifo'
  /** Most bytes of one write, where little at a time leaves more that policies can act on; undefined: what any link takes. */
  readonly maxWriteBytes?: number
  /** What `write` wants its pieces put through; undefined: nothing. Text: pieces are lines, and each line is a message. */
  readonly wrap: Wrap | undefined
  /** Memory in which large pieces can pass beside it; undefined: there is none. */
  readonly memory?: LinkMemory | undefined
  /** True while nothing more is read of it, also where nobody paused it: what it has read has to be worked off first. undefined: only pause() stops it. */
  readonly isUnread?: boolean
  /** Sets who is told, before the first `resume()`; later again when the link goes over to somebody else. */
  attach(handler: LinkHandler): void
  /** Whoever is at the other end was let in. From now on a message may have so many bytes; links without messages have no limit of their own. */
  admitted(maxMessageBytes: number): void
  /**
   * Hands bytes to the kernel, several pieces in one call. At most one write is in flight: after `false` the next
   * waits for `written()`. Returns true when the kernel took everything at once; `written()` is not called then.
   */
  write(pieces: readonly Uint8Array[]): boolean
  /** Stops reading; what was read before still arrives. */
  pause(): void
  resume(): void
  /** Ends in order: what was written still leaves. Links that can say why to the other end, do. */
  close(reason?: BrokerError): void
  /** Ends now. `reason`: for links that can still say why. */
  destroy(reason?: BrokerError): void
}

/** A source of links. */
export interface Listener {
  /** Address for people and clients, such as the socket's path. */
  readonly address: string
  /** Stops accepting; links that exist stay. Resolves when the address is free. */
  close(): Promise<void>
}

export type Role = 'admin' | 'client' | 'agent' | 'system'

/** An identity with roles and the patterns that it may use. */
export interface Principal {
  readonly name: string
  readonly roles: readonly Role[]
  readonly publish: PatternRules
  readonly subscribe: PatternRules
  /** It may also publish on the reply subjects of messages that it received; undefined: it may not. */
  readonly responses?: ResponseRules | undefined
  /** What holds for the members of queue groups, before `subscribe`. */
  readonly groups?: GroupRules | undefined
}

/** May a member of that group see subjects of that pattern? `group` may have wildcards, as a pattern has. */
export interface GroupRule {
  readonly pattern: string
  readonly group: string
}

/** Where some rule's pattern matches, those of them that name the group decide. */
export interface GroupRules {
  readonly allow: readonly GroupRule[]
  readonly deny: readonly GroupRule[]
}

/** Deny wins over allow. `['>']` allows everything. */
export interface PatternRules {
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

export type ChannelMode = 'pubsub' | 'broadcast' | 'queue'
export type ChannelDirection = 'both' | 'subscribe'

/** A named stream. It owns the subject `name` and everything below it. */
export interface ChannelSpec {
  readonly name: string
  readonly mode: ChannelMode
  /** What the role `client` may do: publish and subscribe, or subscribe only. */
  readonly direction: ChannelDirection
  readonly predefined: boolean
  /** Milliseconds since the epoch; 0 for predefined channels. */
  readonly createdAt: number
  /** Mode `queue`: what it says of itself; the configuration decides the rest. */
  readonly queue?: QueueOverrides | undefined
}

/** Phase of every actor's life. */
export type Phase = 'create' | 'init' | 'run' | 'maintain' | 'terminate' | 'exited'

/** Why an actor stays down, and since when: ms since the epoch. */
export interface Quarantine {
  readonly reason: string
  readonly since: number
}

/** One actor as `callboard tree` shows it. */
export interface ActorInfo {
  readonly id: string
  readonly kind: 'broker' | 'supervisor' | 'listener' | 'connection' | 'channel' | 'agent' | 'pool' | 'registry' | 'link' | 'store'
  readonly phase: Phase
  /** 1 for the first; one more each time its supervisor starts it anew. */
  readonly incarnation: number
  /** Restarts within the supervisor's memory of this child. */
  readonly restarts: number
  /** Milliseconds since this incarnation started. */
  readonly ageMs: number
  /** Control events that wait for it. */
  readonly mailbox: number
  /** A few words for people: address, pid, strategy. */
  readonly detail: string
  readonly children: readonly ActorInfo[]
  /** It failed too often, and stays down until somebody restarts it; missing: it did not. */
  readonly quarantine?: Quarantine
  /** It is down because nobody has started it yet, as is meant; missing: it runs, or should. */
  readonly isDeferred?: true
  /** How many children there are, when `children` does not show all. */
  readonly childCount?: number
}

/** Why an actor ended. `normal`: its work was done; `shutdown`: it was asked to; `crash`: an error; `killed`: it did not stop in time. */
export type ExitReason = { readonly kind: 'normal' | 'shutdown' | 'killed' } | { readonly kind: 'crash'; readonly error: Error }

/** A running actor as its supervisor holds it. Small, so that ten thousand connections can each be one. */
export interface ActorHandle {
  readonly id: string
  /**
   * Set by the supervisor before anything else; called once, after everything the actor owned is released, with the
   * handle itself, so that one function serves any number of actors.
   */
  onExit: ((reason: ExitReason, actor: ActorHandle) => void) | undefined
  /** What `callboard tree` shows, with at most `childLimit` children (default all) of each actor. The supervisor adds incarnation and restarts. */
  info(childLimit?: number): ActorInfo
  /** Asks it to end in order. */
  stop(): void
  /** Ends it now; the exit reason is then `killed`. */
  kill(): void
}
