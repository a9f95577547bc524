// Which files outside of the broker's home hold secrets, its own and those of agents: no agent in a sandbox may read them. Reads none.

import type { Settings } from '../broker/ground/settings.ts'

/**
 * Absolute paths; the store of queues is a directory.
 * @param configFile where the settings stand, tokens among them; undefined: in no file
 */
export function secretFiles({ agents, principals, nats, bus, store, telemetry }: Settings, configFile: string | undefined): string[] {
  const { embedded, redis, nats: jetStream } = store
  return [
    configFile,
    ...agents.flatMap(({ secrets = {} }) => Object.values(secrets)),
    ...principals.map(({ tokenFile }) => tokenFile),
    nats.tls?.keyFile,
    nats.websocket?.tls?.keyFile,
    bus.nats?.credentialsFile,
    bus.nats?.tls?.keyFile,
    embedded.path,
    ...(embedded.encryption?.keys ?? []).map(key => ('file' in key ? key.file : undefined)),
    redis.passwordFile,
    redis.tls?.keyFile,
    jetStream.credentials,
    jetStream.tls?.keyFile,
    telemetry.headersFile,
  ].filter(path => path !== undefined)
}
