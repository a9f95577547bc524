// What a NATS client is told of itself on `$SYS.REQ.USER.INFO`, in the form of nats-server 2.10.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import { NATS_VERSION } from './ground/nats-version.ts'
import type { PatternRules } from './ground/types.ts'
import type { Permissions } from './security/permissions.ts'

/** All principals share what NATS calls an account; this is the one of those that name none. */
const ACCOUNT = '$G'
const NANOS_PER_SECOND = 1_000_000_000
const MICROS_PER_SECOND = 1_000_000

export function userInfo({ broker, clock, settings }: Core, { permissions, expiresAtMicros }: Connection): object {
  const { nats } = settings
  const now = clock.wallMicros()
  const leftSeconds = Math.max(0, Math.floor((expiresAtMicros - now) / MICROS_PER_SECOND))
  return {
    server: { name: nats.serverName ?? `callboard-${broker}`, host: nats.host, id: broker, ver: NATS_VERSION, jetstream: false, flags: 0, seq: 0, time: new Date(now / 1000).toISOString() },
    data: {
      user: permissions!.name,
      account: ACCOUNT,
      ...(isUnrestricted(permissions!) ? {} : { permissions: { publish: rulesOf(permissions!.publish), subscribe: rulesOf(permissions!.subscribe) } }),
      ...(expiresAtMicros === 0 ? {} : { expires: leftSeconds * NANOS_PER_SECOND }),
    },
  }
}

function isUnrestricted({ publish, subscribe }: Permissions): boolean {
  return [publish, subscribe].every(({ allow, deny }) => allow.includes('>') && deny.length === 0)
}

// An empty list is left out.
function rulesOf({ allow, deny }: PatternRules): object {
  return { ...(allow.length === 0 ? {} : { allow }), ...(deny.length === 0 ? {} : { deny }) }
}
