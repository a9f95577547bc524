// Who is connected and how the broker is, as one client may know it: what the gateway tells on connecting.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { parseSubject } from './ground/subject.ts'

/** One client. */
interface Present {
  readonly client: string
  readonly agent?: string
  readonly program?: string
  readonly role?: string
  readonly nodeType?: string
  readonly version?: string
  readonly capabilities: readonly string[]
  /** Connected since. ms since the epoch */
  readonly since: number
}

interface BrokerState {
  readonly broker: string
  readonly incarnation: number
  readonly version: string
  readonly uptimeMs: number
  readonly connections: number
  readonly channels: number
}

/** Listed at most; `presenceTotal` counts all. */
const MAX_LISTED = 1000

export class Presence {
  readonly #core: Core
  readonly #version: string
  readonly #startedAtMs: number

  constructor(core: Core, version: string) {
    this.#core = core
    this.#version = version
    this.#startedAtMs = core.clock.monotonicMs()
  }

  /** Those whom `viewer` may address, itself included, the oldest first; role `admin` knows all. */
  snapshot(viewer: Connection): { presence: Present[]; presenceTotal: number; state: BrokerState } {
    const presence: Present[] = []
    let presenceTotal = 0
    for (const connection of this.#core.directory.all()) {
      if (!isKnown(connection, viewer)) continue
      presenceTotal++
      if (presence.length < MAX_LISTED) presence.push(this.#present(connection))
    }
    return { presence, presenceTotal, state: this.#state() }
  }

  #state(): BrokerState {
    const { broker, incarnation, clock, directory, channels } = this.#core
    return { broker, incarnation, version: this.#version, uptimeMs: Math.round(clock.monotonicMs() - this.#startedAtMs), connections: directory.size, channels: channels.list().length }
  }

  #present({ client, agent, program, device, openedAtMs }: Connection): Present {
    const { clock } = this.#core
    return {
      client,
      ...(agent === undefined ? {} : { agent }),
      ...(program === undefined ? {} : { program }),
      ...(device?.role === undefined ? {} : { role: device.role }),
      ...(device?.nodeType === undefined ? {} : { nodeType: device.nodeType }),
      ...(device?.version === undefined ? {} : { version: device.version }),
      capabilities: device?.capabilities ?? [],
      since: Math.round(clock.wallMicros() / 1000 - (clock.monotonicMs() - openedAtMs)),
    }
  }
}

// Whom one may not write to is none of one's business.
function isKnown({ client }: Connection, viewer: Connection): boolean {
  const permissions = viewer.permissions!
  return client === viewer.client || permissions.has('admin') || permissions.mayPublish(parseSubject(`$CB.to.client.${client}`))
}
