import { join } from 'node:path'
import test from 'ava'
import { secretFiles } from '../../agents/secret-files.ts'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { parseConfig } from '../../config/parse.ts'

test('secret files: what a configuration names for tokens, keys, credentials and the store, and itself', async t => {
  const key = (name: string): object => ({ cert: 'public.pem', key: name })
  const config = {
    agents: [{ name: 'lamp', command: 'true', secrets: { KEY: 'lamp.key' } }, { name: 'plain', command: 'true' }],
    principals: [{ name: 'a', roles: ['client'], tokenFile: 'a.token' }],
    nats: { tls: key('nats.key'), websocket: { port: 0, tls: key('websocket.key') } },
    bus: { nats: { servers: ['tls://localhost:4333'], credentials: 'bus.creds', tls: key('bus.key') } },
    store: {
      embedded: { path: 'store', encryption: { keys: [{ file: 'store.key' }, { command: ['print-key'] }] } },
      redis: { url: 'rediss://localhost', passwordFile: 'redis.password', tls: key('redis.key') },
      nats: { servers: ['tls://localhost:4333'], credentials: 'jetstream.creds', tls: key('jetstream.key') },
    },
    telemetry: { headersFile: 'headers' },
  }
  const { settings } = await parseConfig(JSON.stringify(config), { path: '/srv/cb/callboard.json', format: 'json' })
  const names = ['a.token', 'bus.creds', 'bus.key', 'callboard.json', 'headers', 'jetstream.creds', 'jetstream.key', 'lamp.key', 'nats.key', 'redis.key', 'redis.password', 'store', 'store.key', 'websocket.key']
  t.deepEqual(secretFiles(settings, '/srv/cb/callboard.json').toSorted(), names.map(name => join('/srv/cb', name)))
})

test('secret files: by default there are none outside of the home', t => {
  t.deepEqual(secretFiles(defaultSettings, undefined), [])
})
