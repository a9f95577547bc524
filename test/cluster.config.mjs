// Stories of several brokers and real NATS servers as processes, and of queues, which are killed, stopped and cut off. Apart from `npm test`:
// they take the machine for themselves.

export default {
  extensions: ['ts'],
  files: ['test/scenario/cluster-*.test.ts', 'test/scenario/queue-{exactly-once,trouble}.test.ts'],
  timeout: '120s',
  concurrency: 2,
}
