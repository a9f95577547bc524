import { spawn } from 'node:child_process'
import { once } from 'node:events'
import test from 'ava'
import { startBrokerProcess } from '../../support/broker.ts'
import { pythonTest } from '../../support/python.ts'
import { bin } from '../../support/run-callboard.ts'

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

// In a terminal of its own, as Python makes it: keys go in, what is drawn comes out.
const TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'

pythonTest('top: on a terminal it draws, sorts by a key and leaves it as it was', async t => {
  const broker = await startBrokerProcess(t)
  const child = spawn('python3', ['-c', TERMINAL, process.execPath, bin, 'top', '--interval', '1h'], { env: { PATH: process.env['PATH'], CALLBOARD_HOME: broker.home, TERM: 'xterm', COLUMNS: '120', LINES: '30' } })
  t.teardown(() => child.kill('SIGKILL'))
  let screen = ''
  const drawn = async (text: string): Promise<void> => {
    while (!screen.includes(text)) screen += String((await once(child.stdout, 'data'))[0])
  }
  await drawn('q quit')
  t.true(screen.startsWith('\u001b[?1049h\u001b[?25l'), JSON.stringify(screen.slice(0, 40)))
  t.true(screen.includes('IN▾'))
  screen = ''
  child.stdin.write('o')
  await drawn('OUTBOUND▾')
  screen = ''
  child.stdin.write('q')
  await drawn('\u001b[?25h\u001b[?1049l')
  child.stdin.end()
  const [code] = (await once(child, 'exit')) as [number]
  t.is(code, 0)
})
