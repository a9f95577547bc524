import test from 'ava'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const mistakes: [words: string[], stderr: RegExp][] = [
  [['strat'], /^error: unknown command 'strat'\nhint: Did you mean start\? Or see: callboard --help\n$/],
  [['ipc', 'publsh', '--message', 'x'], /Did you mean publish\? Or see: callboard ipc --help/],
  [['ipc', 'publish', '--mesage', 'x'], /required option.*--message.*\nhint: Did you mean --message\? Or see: callboard ipc publish --help/],
  [['tree', '--wacth'], /unknown option '--wacth'\nhint: Did you mean --watch\?/],
  [['ipc', 'send'], /required option '-m, --message <message>' not specified\nhint: see: callboard ipc send --help/],
  [['ipc', 'send', '--message', 'x', '--timeout', 'soon'], /--timeout.*'soon' is invalid.*such as 500ms, 5s or 2m/],
  [['ipc', 'send', '--message', 'x', '--to', 'echo'], /client:ID, agent:NAME, session:ID or service:NAME/],
  [['ipc', 'send', '--message', 'x', '--to', 'agent:echo', '--channel', 'command'], /cannot be used with/],
  [['ipc', 'publish', '--message', 'x', '--channel', 'a', '--subject', 'b'], /cannot be used with/],
  [['ipc', 'publish', '--message', 'x', '--channel', 'a', '--count', '0'], /whole number from 1/],
  [['ipc', 'channel', 'create', '--name', 'x', '--mode', 'stream'], /Allowed choices are pubsub, broadcast/],
  [['ipc', 'publish', '--message', 'x', '--channel', 'a', '--id', 'one', '--count', '2'], /cannot be used with/],
  [['ipc', 'trace', '--enable', '--disable'], /cannot be used with/],
  [['gateway', 'connections', '--all', '--by-channel'], /cannot be used with/],
  [['gateway', 'stats', '--period', '2d'], /a time from 1s to 24h/],
  [['gateway', 'stats', '--metrics', 'messages,,x'], /names divided by commas/],
  [['gateway', 'latency', '--percentiles', '50,101'], /numbers of 0 to 100/],
  [['gateway', 'latency', '--percentiles', '50,,99'], /numbers of 0 to 100/],
  [['trace', '--slow', 'soon'], /such as 10ms, 0\.5ms, 200us or 2s/],
  [['top', '--sort', 'size'], /Allowed choices are rate, mailbox, outbound, p99, restarts, heap, name/],
  [['logs', '--level', 'loud'], /Allowed choices are debug, info, warn, error/],
  [['upgrade', '--command', '/nonexistent/callboard'], /^error: there is no program to go on with at \/nonexistent\/callboard: ENOENT.*\nhint: name the path of the other callboard with --command/],
  [['service', 'install', '--system', '--dry-run', '--run-as', 'nobody-here-7'], /--run-as: there is no user "nobody-here-7" on this machine/],
  [['service', 'install', '--system', '--dry-run', '--run-as', 'two words'], /--run-as: "two words" is no name of an account/],
  [['status', 'now'], /too many arguments/],
]

for (const [words, stderr] of mistakes) {
  test(`usage: callboard ${words.join(' ')} is refused with exit code 2 and help`, async t => {
    const run = await runCallboard(t, words, { home: temporaryDirectory(t) })
    t.is(run.exit, 2)
    t.is(run.stdout, '')
    t.regex(run.stderr, stderr)
  })
}

test('usage: with --json the error is one JSON object', async t => {
  const run = await runCallboard(t, ['ipc', 'publsh', '--json'], { home: temporaryDirectory(t) })
  t.is(run.exit, 2)
  t.deepEqual(JSON.parse(run.stderr), { error: { code: 'usage', message: 'unknown command \'publsh\'', hint: 'Did you mean publish? Or see: callboard ipc --help' } })
})

test('usage: a command that needs another word shows its help on stderr', async t => {
  for (const words of [[], ['ipc'], ['ipc', 'channel'], ['gateway'], ['config']]) {
    const run = await runCallboard(t, words, { home: temporaryDirectory(t) })
    t.is(run.exit, 2)
    t.true(run.stderr.startsWith(`Usage: ${['callboard', ...words].join(' ')} `))
  }
})

test('usage: --home counts before and after the command, and beats the environment', async t => {
  const other = temporaryDirectory(t)
  for (const words of [['--home', other, 'status'], ['status', '--home', other]]) {
    const run = await runCallboard(t, words, { home: temporaryDirectory(t) })
    t.is(run.exit, 1)
    t.is(run.stderr, `error: no broker runs in ${other} (broker.not_running)\nhint: start it with: callboard start\n`)
  }
})
