// The block `store`: how each place is reached in which queues can be kept. `queue.backend` says which one is used.

import { defaultStore } from '../broker/ground/store-settings.ts'
import { clientTls } from './client-tls-keys.ts'
import { block, defaulted, map, optional, required } from './keys.ts'
import { count, flag, hostAndPort, list, natsAddress, nonEmptyText, path, redisAddress, serverName } from './kinds.ts'

const { embedded, redis, nats, kafka } = defaultStore

/** Brokers of the same servers and prefix have the same queues. */
const PREFIX_ABOUT = 'First word of every name that the broker uses there; brokers with the same one share their queues.'
const MAX_REPLICAS = 5

export const storeBlock = block({
  embedded: block({
    path: optional(path, '`store` in the home', 'Directory of the database.'),
    encryption: optional(
      map({
        keys: required(
          list(
            map({
              file: optional(path, '`command`', 'File with a key: 32 bytes in base64 or hex, readable by the owner alone.'),
              command: optional(list(nonEmptyText, 1), '`file`', 'Program that prints the key, with its arguments, without a shell.'),
            }),
            1,
          ),
          'The first key encrypts, all of them decrypt: a new one comes first, and the old one goes when nothing needs it any more.',
        ),
      }),
      'messages are written as they are',
      'Encrypt messages on the disk (AES-256-GCM).',
    ),
    checkAtStart: defaulted(flag, embedded.checkAtStart, 'Compare all checksums in the background after a start.'),
  }),
  redis: block({
    url: defaulted(redisAddress, redis.url, 'The server, `redis://host:port/database`, or `rediss://` for TLS, without password.'),
    passwordFile: optional(path, 'none is shown', 'File with the password on its first line.'),
    tls: optional(clientTls(), '`rediss://` with what the system trusts', 'Certificates of a server that is reached by `rediss://`.'),
    prefix: defaulted(serverName, redis.prefix, PREFIX_ABOUT),
    strictDurability: defaulted(flag, redis.strictDurability, 'Refuse a queue that asks for more durability than the server is configured for. false: warn.'),
  }),
  nats: block({
    servers: optional(list(natsAddress, 1), 'those of bus.nats, with its credentials and TLS', 'Servers of one cluster with JetStream.'),
    credentials: optional(path, 'none are shown', 'File as for `bus.nats.credentials`.'),
    tls: optional(
      clientTls(),
      'where a server asks for it',
      'TLS to these servers.',
    ),
    replicas: defaulted(count(1, MAX_REPLICAS), nats.replicas, 'On how many servers of the cluster each queue is kept.'),
  }),
  kafka: block({
    brokers: defaulted(list(hostAndPort, 1), [...kafka.brokers], 'Servers of one cluster, `host:port`.'),
    clientId: defaulted(serverName, kafka.clientId, 'What the servers call this broker.'),
    prefix: defaulted(serverName, kafka.prefix, PREFIX_ABOUT),
    replicas: defaulted(count(1, MAX_REPLICAS), kafka.replicas, 'On how many servers of the cluster each queue is kept.'),
  }),
})
