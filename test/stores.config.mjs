// Where queues are kept: every store held to one contract, with real servers, and disks, clocks and processes that fail. Apart from
// `npm test`, which has the store in memory and the way of a message through a queue.

import { environmentVariables, workerThreads } from './environment.mjs'

export const storeFiles = [
  'test/conformance/store-{embedded,brokered,nats,redis,kafka}.test.ts',
  'test/broker/store/{embedded,brokered,nats,redis,kafka}/**/*.test.ts',
  'test/scenario/queue-{crash,disk-order,exactly-once,nats,trouble}.test.ts',
  'test/scenario/store-*.test.ts',
]

export default {
  extensions: ['ts'],
  environmentVariables,
  workerThreads,
  files: storeFiles,
  timeout: '240s',
  concurrency: 4,
}
