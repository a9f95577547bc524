// Who is connected and how the broker is, as one client may know it: what the gateway tells on connecting.

import type { Connection } from './connection.ts'
import { deviceInfo } from './connection-info.ts'
import type { Core } from './core.ts'
import type { DeviceInfo } from './ground/api.ts'
import type { Permissions } from './security/permissions.ts'

/** One client. */
interface Present extends DeviceInfo {
  readonly client: string
  readonly agent?: string
  readonly program?: string
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

/** Listed at most; `presenceTotal` counts all. When ten thousand clients come back at once, each of them is told of this many. */
const MAX_LISTED = 200

export class Presence {
  readonly #core: Core
  readonly #version: string

  constructor(core: Core, version: string) {
    this.#core = core
    this.#version = version
  }

  /** Those whom `viewer` may address, itself included, the oldest first; role `admin` knows all. */
  snapshot(viewer: Connection): { presence: Present[]; presenceTotal: number; state: BrokerState } {
    const { directory, busConnection } = this.#core
    const permissions = viewer.permissions!
    const isAllKnown = knowsAll(permissions)
    const presence: Present[] = []
    let presenceTotal = 0
    for (const connection of directory.all()) {
      if (isAllKnown && presence.length === MAX_LISTED) break
      if (connection === busConnection) continue
      // Whom one may not write to is none of one's business.
      if (!isAllKnown && connection.client !== viewer.client && !permissions.mayPublish(['$CB', 'to', 'client', connection.client])) continue
      presenceTotal++
      if (presence.length < MAX_LISTED) presence.push(this.#present(connection))
    }
    return { presence, presenceTotal: isAllKnown ? directory.size - (busConnection === undefined ? 0 : 1) : presenceTotal, state: this.#state() }
  }

  #state(): BrokerState {
    const { broker, incarnation, clock, startedAtMs, directory, channels } = this.#core
    return { broker, incarnation, version: this.#version, uptimeMs: Math.round(clock.monotonicMs() - startedAtMs), connections: directory.size, channels: channels.list().length }
  }

  #present({ client, agent, program, device, openedAtMs }: Connection): Present {
    const { clock } = this.#core
    return {
      client,
      ...(agent === undefined ? {} : { agent }),
      ...(program === undefined ? {} : { program }),
      ...(device === undefined ? { capabilities: [] } : deviceInfo(device)),
      since: Math.round(clock.wallMicros() / 1000 - (clock.monotonicMs() - openedAtMs)),
    }
  }
}

// So that the usual case does not look at each of ten thousand.
function knowsAll(permissions: Permissions): boolean {
  const { allow, deny } = permissions.publish
  return permissions.has('admin') || (allow.includes('>') && deny.length === 0)
}
