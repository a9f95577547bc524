// Who may import whom. Arrows point down the list: a part imports itself and the parts named beside it, nothing else.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { upwardRules, violations, type Rules } from './support/layering.ts'

const rules: Rules = {
  parts: {
    bin: ['cli', 'watchdog'],
    // Where the tests are, and in which order they run.
    'ava.config.mjs': [],
    scripts: ['config', 'broker/ground'],
    // Of the broker it takes core and recorder, to leave recording out of it; of the transports their receiving code, for the relay; the embedded store, to drive it alone.
    bench: ['client', 'transports', 'broker', 'broker/observe', 'broker/pool', 'broker/delivery', 'broker/store/embedded', 'broker/wire', 'broker/ground'],
    // A sample shows what a user can write: the published SDK and nothing behind it.
    examples: ['client'],
    // A client like any other; `start` alone takes the broker, by its public face. `doctor` tries what sandboxes of agents need. Repair and restore work on the files of a store that no broker has open. systemd is told by a system call.
    cli: ['index.ts', 'agents', 'client', 'config', 'telemetry', 'watchdog', 'broker/store/embedded', 'native', 'broker/ground'],
    'index.ts': ['actors', 'config', 'telemetry', 'broker', 'broker/ground'],
    client: ['broker/wire', 'broker/ground'],
    // The store's child alone opens stores.
    actors: ['broker/store/embedded', 'broker/store/nats', 'broker/store/redis', 'broker/store/kafka', 'machines', 'agents', 'http', 'grpc', 'transports', 'dialects', 'native', 'broker', 'broker/upstream/nats', 'broker/ground'],
    machines: ['broker/ground'],
    agents: ['native', 'broker', 'broker/ground'],
    // The one HTTP server; the gateway's WebSocket is an upgrade of it.
    http: ['transports', 'native', 'broker/ground'],
    // gRPC's calls are made on connections in memory, as clients of the native protocol.
    grpc: ['transports', 'broker/wire', 'broker/ground'],
    transports: ['native', 'broker/ground'],
    dialects: ['broker/protocol', 'broker/wire', 'broker/ground'],
    config: ['broker/ground'],
    telemetry: ['broker/ground'],
    // A process of its own beside the broker, which is to be small.
    watchdog: ['broker/ground'],
    native: ['broker/ground'],
    // Files at the top of broker/ compose what lies below; siblings below know the ground alone.
    broker: [
      'broker/api', 'broker/delivery', 'broker/monitoring', 'broker/observe', 'broker/pool', 'broker/protocol', 'broker/registry', 'broker/routing',
      'broker/queues', 'broker/security', 'broker/session', 'broker/upstream/nats', 'broker/wire', 'broker/ground',
    ],
    'broker/api': ['broker/ground'],
    'broker/delivery': ['broker/ground'],
    // Shapes of the monitoring endpoints.
    'broker/monitoring': ['broker/ground'],
    'broker/observe': ['broker/ground'],
    // Worker threads behind plain tasks.
    'broker/pool': ['broker/ground'],
    'broker/protocol': ['broker/ground'],
    // Consumers of queues and what is on lease to them.
    'broker/queues': ['broker/ground'],
    'broker/registry': ['broker/ground'],
    'broker/routing': ['broker/ground'],
    'broker/security': ['broker/ground'],
    // Stores of queues, a folder each; what foreign ones lack, the broker does; what decides is pure.
    'broker/store/nats': ['broker/store/brokered', 'broker/store/policy', 'broker/wire', 'broker/ground'],
    'broker/store/redis': ['broker/store/brokered', 'broker/store/policy', 'broker/wire', 'broker/ground'],
    'broker/store/kafka': ['broker/store/brokered', 'broker/store/policy', 'broker/wire', 'broker/ground'],
    'broker/store/brokered': ['broker/store/policy', 'broker/wire', 'broker/ground'],
    'broker/store/embedded': ['broker/store/policy', 'broker/ground'],
    'broker/store/policy': ['broker/ground'],
    'broker/session': ['broker/ground'],
    // The link to NATS servers.
    'broker/upstream/nats': ['broker/wire', 'broker/ground'],
    'broker/wire': ['broker/ground'],
    'broker/ground': [],
  },
  packages: {
    xstate: ['machines', 'actors'],
    zod: ['config'],
    yaml: ['config'],
    'jsonc-parser': ['config'],
    croner: ['agents', 'config'],
    '@grpc/grpc-js': ['grpc', 'bench'],
    '@grpc/proto-loader': ['grpc', 'bench'],
    '@grpc/reflection': ['grpc'],
    'grpc-health-check': ['grpc'],
    semver: ['broker/registry', 'config'],
    // In bin the command becomes the bundled Node, and keeps its pid.
    // The bench maps memory, to know what that would bring.
    koffi: ['native', 'bin', 'bench'],
    pino: ['telemetry'],
    commander: ['cli'],
    ws: ['transports'],
    piscina: ['broker/pool'],
    '@noble/hashes': ['client'],
    // The link to NATS servers, and nkeys for whoever signs a challenge with one.
    '@nats-io/transport-node': ['broker/upstream/nats', 'broker/store/nats', 'bench'],
    '@nats-io/jetstream': ['broker/upstream/nats', 'broker/store/nats', 'bench'],
    ioredis: ['broker/store/redis', 'bench'],
    kafkajs: ['broker/store/kafka'],
    // How users reach RabbitMQ, which stands beside us in the bench.
    amqplib: ['bench'],
    '@nats-io/kv': ['broker/upstream/nats'],
    '@nats-io/nkeys': ['broker/security'],
    '@opentelemetry/api': ['telemetry', 'client'],
    '@opentelemetry/exporter-logs-otlp-http': ['telemetry'],
    '@opentelemetry/exporter-metrics-otlp-http': ['telemetry'],
    '@opentelemetry/exporter-prometheus': ['telemetry'],
    // Agents send the spans of their own by startTracing().
    '@opentelemetry/exporter-trace-otlp-http': ['telemetry', 'client'],
    '@opentelemetry/resources': ['telemetry', 'client'],
    '@opentelemetry/sdk-logs': ['telemetry'],
    '@opentelemetry/sdk-metrics': ['telemetry'],
    '@opentelemetry/sdk-trace': ['telemetry', 'client'],
    '@opentelemetry/semantic-conventions': ['telemetry'],
    '@msgpack/msgpack': ['client', 'dialects', 'broker', 'broker/protocol', 'broker/ground', 'broker/wire', 'bench'],
  },
  pure: ['machines', 'broker/protocol', 'broker/routing', 'broker/session', 'broker/wire'],
  // The command runs from a checkout and from a package: which of the two it finds is decided when it runs.
  computed: ['bin'],
  emptyNames: ['utils', 'util', 'common', 'misc', 'helpers', 'helper', 'shared', 'lib'],
  maxLines: 400,
}

const root = join(import.meta.dirname, '..')
const notOurs = ['node_modules', 'dist', 'coverage', '.git']

function read(pattern: string): Map<string, string> {
  const files = globSync(pattern, { cwd: root, exclude: name => notOurs.includes(name) })
  return new Map(files.toSorted().map(file => [file.replaceAll('\\', '/'), readFileSync(join(root, file), 'utf8')]))
}

test('layering: the sources hold to the rules', t => {
  const sources = read('**/*.{ts,mts,js,mjs}')
  // Tests reach into everything; what holds for them is size, names, and that they import in no circle.
  const testing: Rules = { ...rules, parts: { test: Object.keys(rules.parts) }, packages: {} }
  const [ours, tests] = [new Map<string, string>(), new Map<string, string>()]
  for (const [file, text] of sources) (file.startsWith('test/') ? tests : ours).set(file, text)
  t.true(ours.size > 10 && tests.size > 1, 'the sources were found')
  t.deepEqual(violations(ours, rules), [])
  t.deepEqual(violations(tests, testing).filter(found => !/ (?:must not|computed)/.test(found)), [])
})

test('layering: every rule points down', t => t.deepEqual(upwardRules(rules), []))

test('layering: every package of the rules is one that the package depends on', t => {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<'dependencies' | 'devDependencies', Record<string, string>>
  // What is not shipped may use what is not installed with the package.
  const forBench = Object.keys(rules.packages).filter(name => String(rules.packages[name]) === 'bench' && name in manifest.devDependencies)
  t.deepEqual(Object.keys(rules.packages).toSorted(), [...Object.keys(manifest.dependencies), ...forBench].toSorted())
})
