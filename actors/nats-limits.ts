// Settings of the NATS port that may change while it is open: those that no listener was made of.

import type { NatsSettings } from '../broker/ground/settings.ts'

const changeable = [
  'maxPayloadBytes', 'maxControlLineBytes', 'maxConnections', 'maxSubscriptions', 'pingIntervalMs', 'maxPingsOut', 'authTimeoutMs',
  'noAuthUser', 'ignoresCredentials', 'lameDuckMs', 'requestTimeoutMs', 'traces',
] as const satisfies readonly (keyof NatsSettings)[]

/** Makes `current`, which everybody looks at when it is needed, say what `next` does. The one place where settings change. */
export function changeLimits(current: NatsSettings, next: NatsSettings): void {
  Object.assign(current, Object.fromEntries(changeable.map((key) => [key, next[key]])))
  // Whether there is any was decided when the port was opened.
  if (current.tls !== undefined && next.tls !== undefined) Object.assign(current, { tls: next.tls })
}
