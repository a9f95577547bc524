import test from 'ava'
import { channelRows } from '../../../cli/commands/gateway/connections.ts'
import type { ConnectionInfo } from '../../../client/index.ts'

const connection = (client: string, channels: readonly string[], pendingMessages: number): ConnectionInfo => ({ client, channels, out: { pendingMessages } }) as unknown as ConnectionInfo

test('connections by channel: what waits is the channel\'s own, also where a connection has messages of several', t => {
  const rows = channelRows([connection('slow', ['a', 'b'], 150), connection('apart', [], 3)], [{ name: 'a', pending: 50 }, { name: 'b', pending: 100 }, { name: 'c', pending: 0 }])
  t.deepEqual(rows.map(({ name, pending, connections }) => [name, pending, connections.map(({ client }) => client)]), [
    ['a', 50, ['slow']],
    ['b', 100, ['slow']],
    ['c', 0, []],
    [undefined, 3, ['apart']],
  ])
})

test('connections by channel: no row for those outside when there are none', t => {
  t.deepEqual(channelRows([], [{ name: 'a', pending: 0 }]).map(({ name }) => name), ['a'])
})
