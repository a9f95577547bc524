import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { z } from 'zod'
import { loadConfig } from '../../config/load.ts'
import { configSchema, jsonSchema } from '../../config/schema.ts'
import { configSchemaText } from '../../scripts/config-schema.ts'

const root = join(import.meta.dirname, '../..')

/** The JSON Schema as an editor applies it: read back from its text. */
const editor = z.fromJSONSchema(JSON.parse(JSON.stringify(jsonSchema())) as Parameters<typeof z.fromJSONSchema>[0])

test('config schema: config/schema.json is what the keys say (else: node scripts/config-schema.ts)', t => {
  t.is(readFileSync(join(root, 'config/schema.json'), 'utf8'), configSchemaText())
})

test('config schema: editors accept what loads', t => {
  const good = [
    {},
    { $schema: './schema.json' },
    { ipc: { timeout: '5s', performance: { maxMessageSize: '1mb' } } },
    { ipc: { timeout: 5000, performance: { maxMessageSize: 1_048_576, compressionEnabled: false }, security: { processes: { x: { executable: '/x' } } } } },
    { agents: [{ name: 'a', command: 'node', args: ['x.ts'], env: { A: 'b' }, restart: 'transient', backoff: { initial: '1.5s' } }] },
    { principals: [{ name: 'p', roles: ['admin'], token: 'abcdefghijklmnop', publish: { allow: ['>'] } }] },
    { nats: { port: 0, tls: { cert: 'c', key: 'k' } } },
    { channels: [{ name: 'jobs', mode: 'queue', queue: { retryPolicy: { backoff: ['1s', 5000] } } }], queue: { config: { retryPolicy: { backoff: 'fixed' } } } },
    { channels: [{ name: 'a.b', mode: 'broadcast' }], recorder: { entries: 2048 }, log: { level: 'debug' } },
  ]
  for (const value of good) {
    t.true(editor.safeParse(value).success, JSON.stringify(value))
    t.true(configSchema.safeParse(value).success, JSON.stringify(value))
  }
})

test('config schema: editors accept false where a block can be turned off', t => {
  t.true(editor.safeParse({ nats: false }).success)
  t.false(editor.safeParse({ gateway: false }).success)
})

test('config schema: editors mark what does not load', t => {
  const bad = [
    [],
    { icp: {} },
    { ipc: { timeout: 'soon' } },
    { ipc: { timeout: 0 } },
    { ipc: { protocol: 'xpc' } },
    { ipc: { performance: { compressionEnabled: 'yes' } } },
    { pool: { compressAbove: 0 } },
    { agents: [{ name: 'a' }] },
    { agents: [{ name: 'a b', command: 'x' }] },
    { channels: [{ name: 'a', mode: 'stream' }] },
    { queue: { config: { retryPolicy: { backoff: [] } } } },
    { queue: { backend: 'rabbitmq' } },
    { store: { embedded: { encryption: {} } } },
    { principals: [{ name: 'p', token: 'short' }] },
    { gateway: { port: 65_536 } },
    { nats: true },
    { nats: { tls: { cert: 'c' } } },
    { principals: [{ name: 'p', nkey: 'SUAMLK2ZNL35WSMW37E7UD4VZ7ELPKW7DHC3BWBSD2GCZ7IUQQXZIORRBU' }] },
    { gateway: { tls: { enabled: true } } },
  ]
  for (const value of bad) {
    t.false(editor.safeParse(value).success, JSON.stringify(value))
    t.false(configSchema.safeParse(value).success, JSON.stringify(value))
  }
})

test('config schema: every key tells editors what it means', t => {
  const silent: string[] = []
  const walk = (schema: { properties?: Record<string, object>; items?: object; anyOf?: Record<string, object>[]; additionalProperties?: unknown; description?: string }, path: string): void => {
    // A block in whose place `false` may stand.
    if (schema.anyOf?.[0]?.['properties'] !== undefined) return walk(schema.anyOf[0], path)
    if (path !== '' && schema.properties === undefined && schema.description === undefined) silent.push(path)
    for (const [key, value] of Object.entries(schema.properties ?? {})) walk(value, `${path}.${key}`)
    if (schema.items !== undefined && Object.hasOwn(schema.items, 'properties')) walk(schema.items, `${path}[]`)
  }
  walk(jsonSchema(), '')
  t.deepEqual(silent, [])
})

test('bench/full.yaml: loads, asks for authentication, checks ten patterns and keeps heartbeats on', async t => {
  const { settings } = await loadConfig(join(root, 'bench/full.yaml'))
  t.true(settings.ipc.security.requireAuth)
  t.true(settings.ipc.performance.keepAlive)
  t.is(settings.recorder.entries, 131_072)
  const [bench] = settings.principals
  t.is([bench!.publish, bench!.subscribe].flatMap(({ allow, deny }) => [...allow, ...deny]).length, 10)
})
