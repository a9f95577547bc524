import test from 'ava'
import { startBroker } from '../../support/broker.ts'
import { runCallboard } from '../../support/run-callboard.ts'

// Alone in its file: it holds up everything else in its process.
test('health: a broker that hung for two seconds fails, with exit code 1', async t => {
  const { home, connect } = await withBroker(t)
  const client = await connect()
  // The first look must be behind it, the next one is what comes late.
  while ((await client.call('history', { periodMs: 1000, metrics: ['event'] })).coversMs === 0);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3200)
  while ((await client.call('health')).state !== 'fail');
  const { exit, stdout } = await runCallboard(t, ['gateway', 'health', '--detailed'], { home })
  t.is(exit, 1)
  t.regex(stdout, /^fail +event loop +in the last minute at most \d+ ms late/m)
  t.regex(stdout, /^fail: event loop: /m)
})

async function withBroker(t: Parameters<typeof startBroker>[0]) {
  const broker = await startBroker(t)
  return { home: broker.home, connect: () => broker.connect() }
}
