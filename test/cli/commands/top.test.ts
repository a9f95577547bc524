import test from 'ava'
import { startBrokerProcess } from '../../support/broker.ts'
import { pythonTest } from '../../support/python.ts'
import { Terminal } from '../../support/terminal.ts'

interface Look {
  readonly intervalMs: number
  readonly sort: string
  readonly rows: readonly { readonly kind: string; readonly name: string; readonly inRate: number; readonly memoryBytes?: number; readonly restarts?: number; readonly p99Ms?: number }[]
}

test('top: once, as a table and for programs, sorted as asked', async t => {
  const agents = [{ name: 'idle', command: process.execPath, args: ['-e', 'setInterval(() => {}, 1e6)'] }]
  const broker = await startBrokerProcess(t, { config: { agents } })
  const client = await broker.connect({ clientId: 'busy' })
  await client.subscribe('command').ready
  await client.publish('command', 1, { receipt: true })
  const table = await broker.callboard.run('top', '--once', '--interval', '20ms', '--sort', 'heap')
  t.is(table.exit, 0, table.stderr)
  t.regex(table.stdout, /^callboard [a-z0-9]{12}, incarnation 1, up .*\nKIND +NAME +IN +OUT +LOST +MAILBOX +OUTBOUND +P99 +RESTARTS +HEAP▾\nbroker /)
  t.regex(table.stdout, /^agent +idle .* 0 +[\d.]+ MiB$/m)
  const [look] = (await broker.callboard.json('top', '--once', '--interval', '20ms', '--sort', 'p99')) as [Look]
  t.deepEqual([look.sort, look.rows[0]!.kind], ['p99', 'broker'])
  // The only ones with deliveries: the channel, and who sent them.
  t.deepEqual(new Set(look.rows.slice(1, 3).map(({ name }) => name)), new Set(['busy', 'command']))
  t.true(look.rows.slice(1, 3).every(({ p99Ms }) => p99Ms! > 0))
  const limited = (await broker.callboard.json('top', '--once', '--interval', '20ms', '--limit', '2')) as [Look]
  t.is(limited[0].rows.length, 2)
})

test('top: rates are those between two looks, until Ctrl-C', async t => {
  const broker = await startBrokerProcess(t)
  const client = await broker.connect({ clientId: 'busy' })
  const top = broker.callboard.follow('top', '--json', '--interval', '100ms')
  const rateOf = (line: string): number => (JSON.parse(line) as Look).rows.find(({ name }) => name === 'busy')!.inRate
  t.is(rateOf(await top.next()), 0)
  await client.publish('command', 1, { receipt: true })
  while (rateOf(await top.next()) === 0);
  t.deepEqual(await top.end('SIGINT'), [0, null])
})

pythonTest('top: on a terminal it draws, sorts by a key and leaves it as it was', async t => {
  const broker = await startBrokerProcess(t)
  const top = new Terminal(t, broker.home, 'top', '--interval', '1h')
  const screen = await top.drawn('q quit')
  t.true(screen.startsWith('\u001b[?1049h\u001b[?25l'), JSON.stringify(screen.slice(0, 40)))
  t.true(screen.includes('IN▾'))
  top.type('o')
  await top.drawn('OUTBOUND▾')
  top.type('q')
  await top.drawn('\u001b[?25h\u001b[?1049l')
  t.is(await top.exit(), 0)
})
