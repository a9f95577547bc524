// What joins brokers: real NATS servers and brokers that are killed, stopped and cut off, and all that stands on them. Apart from `npm test`:
// it takes the machine for itself.

import { environmentVariables, workerThreads } from './environment.mjs'

export const clusterFiles = [
  'test/scenario/cluster-*.test.ts',
  'test/scenario/joined-*.test.ts',
  'test/scenario/bus-keys.test.ts',
  'test/conformance/{bus,leases}.test.ts',
  'test/broker/upstream/**/*.test.ts',
  'test/repository/cluster-doc.test.ts',
  'test/support/nats-server.test.ts',
]

export default {
  extensions: ['ts'],
  environmentVariables,
  workerThreads,
  files: clusterFiles,
  timeout: '240s',
  concurrency: 2,
}
