import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import test from 'ava'
import type { Message } from '../../../client/index.ts'
import { connectOwner, startBroker } from '../../../bench/server/broker.ts'

const withoutRecorder = pathToFileURL(join(import.meta.dirname, '../../../bench/recorder/without-recorder.ts')).href

test('recorder: with the bench\'s preload the broker delivers and records nothing, without it it records', async t => {
  for (const [nodeArgs, expected] of [[[], 1], [['--import', withoutRecorder], 0]] as const) {
    const server = await startBroker('own', nodeArgs)
    try {
      const client = await connectOwner(server)
      const subscription = client.subscribe('bench.one')
      await client.publish('bench.one', 'hello')
      const first = await subscription[Symbol.asyncIterator]().next()
      t.is((first.value as Message).value, 'hello')
      const { entries } = await client.call('trace.show', {})
      t.is(entries.length, expected)
      await client.close()
    } finally {
      await server.stop()
    }
  }
})
