// What two processes of one broker say to each other while one makes way for the other. Types, and how the second finds the first.

import type { ErrorBody } from '../../broker/ground/errors.ts'
import type { HandedOver, MovedArrival } from '../../broker/ground/handover.ts'

/** Of these messages and of what they carry: another one is refused before anything is touched. */
export const HANDOVER_FORMAT = 2

/** In the environment of the second process: `Legacy` as JSON. */
export const LEGACY_VARIABLE = 'CALLBOARD_SUCCESSOR'

/** What the second process inherits from its start. */
export interface Legacy {
  readonly format: number
  /** Process id of the first. */
  readonly predecessor: number
  /** Somebody waits for the end of the first, which waits for that of the second therefore. */
  readonly isForeground: boolean
  /** What it listens on, and the descriptors of that. */
  readonly sockets: readonly (readonly [key: string, fd: number])[]
}

/** What the second goes on with; `agentTokens`: credentials of the first one's agents, by their ids. */
export type Take = Extract<ToSuccessor, { readonly type: 'take' }>

/** To the second. */
export type ToSuccessor =
  /** The first stands still: the second serves from now on, with what is handed over. */
  | { readonly type: 'take'; readonly state: HandedOver; readonly agentTokens: ReadonlyMap<string, string> }
  /** All is the second's; the first ends. */
  | { readonly type: 'taken' }
  /** From other brokers, to the first. */
  | { readonly type: 'arrived'; readonly arrivals: readonly MovedArrival[] }
  /** Nothing more of that comes: the second has the link to other brokers alone. */
  | { readonly type: 'left' }

/** To the first. */
export type ToPredecessor =
  /** It has checked what can be checked beforehand. */
  | { readonly type: 'ready'; readonly format: number; readonly version: string }
  | { readonly type: 'failed'; readonly error: ErrorBody }
  /** Clients are let in. */
  | { readonly type: 'serving' }
  /** Its own link to other brokers is there. */
  | { readonly type: 'joined' }
  /** That agent of the first may end. */
  | { readonly type: 'relieved'; readonly agent: string }
