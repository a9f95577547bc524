// The README's tour works as it is printed: its commands are run in order, in a home of their own, and print what it shows.

import { globSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import test from 'ava'
import { connect } from '../../client/index.ts'
import { pythonTest } from '../support/python.ts'
import { bin, runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'
import { missingLines, openSession, readTour, type Session } from '../support/tour.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const tour = readTour(readme)

/** Home of the reader whose outputs the README shows. */
const SHOWN_HOME = '/home/ada'
/** Gateway that the README shows; a reader's in this test has any port that is free. */
const SHOWN_GATEWAY = 'ws://127.0.0.1:18789/'
const SETTLES = /^npx callboard (?:tree|agents)$/

/** True when it is too early: a reader types more slowly than an agent starts. Nothing is done twice by asking again. */
function isEarly(command: string, shown: readonly string[], printed: string): boolean {
  return SETTLES.test(command) ? missingLines(shown, printed).length > 0 : printed.includes('request.no_responders')
}

/** Times that a command is tried. */
const MOST_LOOKS = 30

interface Reader {
  readonly home: string
  readonly checkout: string
  readonly session: Session
}

/** A home, a checkout that the tour may write files into, and a shell there. The broker that the tour starts ends with the test. */
function openReader(t: Teardown): Reader {
  const home = temporaryDirectory(t)
  const checkout = join(home, 'callboard')
  mkdirSync(checkout)
  for (const name of readdirSync(root)) symlinkSync(join(root, name), join(checkout, name))
  for (const [name, text] of tour.files) writeFileSync(join(checkout, name), text)
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CALLBOARD_') && name !== 'FORCE_COLOR'))
  // npx itself takes half a second and asks the registry for news.
  const prelude = `npx() { what=$1; shift; case $what in callboard) node '${bin}' "$@" ;; node) node "$@" ;; *) echo "npx $what?" ; return 127 ;; esac; }`
  const session = openSession(t, { cwd: checkout, env: { ...inherited, HOME: home, PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, CALLBOARD_GATEWAY_PORT: '0' }, prelude })
  t.teardown(async () => void (await runCallboard({ teardown: () => {} }, ['stop', '--force', '--timeout', '5s'], { home: join(home, '.callboard') })))
  return { home, checkout, session }
}

/** Resolves when somebody who listens is there that was not before. */
async function untilListening(home: string, before: number): Promise<void> {
  const client = await connect({ home: join(home, '.callboard'), program: 'watcher' })
  while ((await subscriptions(client)) <= before);
  await client.close()
}

async function subscriptions(client: Awaited<ReturnType<typeof connect>>): Promise<number> {
  const { connections } = await client.call('connections')
  return connections.reduce((sum, { subscriptions: count }) => sum + count, 0)
}

/** Files of the tour that connect to the shown gateway, with the address of the one that runs. */
async function writeGatewayFiles({ home, checkout }: Reader): Promise<void> {
  const client = await connect({ home: join(home, '.callboard'), program: 'watcher' })
  const { gateway } = await client.call('status')
  for (const [name, text] of tour.files) writeFileSync(join(checkout, name), text.replaceAll(SHOWN_GATEWAY, gateway!))
  await client.close()
}

async function countListening(home: string): Promise<number> {
  const client = await connect({ home: join(home, '.callboard'), program: 'watcher' })
  const count = await subscriptions(client)
  await client.close()
  return count
}

pythonTest('readme: the commands of the tour print what it shows', async t => {
  t.timeout(180_000)
  const reader = openReader(t)
  const { home, session } = reader
  for (const { command, output } of tour.steps) {
    t.log(command)
    const shown = output.map(line => line.replaceAll(SHOWN_HOME, home))
    const isBackground = command.endsWith('&')
    const before = isBackground ? await countListening(home) : 0
    let { printed, exit } = await session.run(command)
    for (let looks = 1; isEarly(command, shown, printed) && looks < MOST_LOOKS; looks++) ({ printed, exit } = await session.run(command))
    if (isBackground) await untilListening(home, before)
    // A job in the background prints when it gets something.
    else printed = await session.until(soFar => exit !== 0 || missingLines(shown, soFar).length === 0)
    t.is(exit, 0, `${command}\n${printed}`)
    t.deepEqual(missingLines(shown, printed), [], `${command}\n${printed}`)
    if (command.includes('start --detach')) await writeGatewayFiles(reader)
  }
})

test('readme: the tour shows every step of a first visit', t => {
  const commands = tour.steps.map(({ command }) => command).join('\n')
  for (const word of ['start --detach', 'status', 'tree', 'send', 'subscribe', 'channel create', 'publish', 'broadcast', 'trace', '--id msg-123', 'trace --message-id msg-123', 'stats', 'kill -9', 'python3', 'npx node', 'doctor', 'stop']) t.true(commands.includes(word), word)
  t.deepEqual([...tour.files.keys()], ['hello.py', 'gateway.ts', 'hello.ts'])
  t.true(readme.indexOf('npm ci && npm start') < readme.indexOf('## '))
})

test('readme: every source file that it names exists', t => {
  const sources = globSync('**/*.ts', { cwd: root, exclude: ['node_modules/**', 'dist/**', 'test/support/**'] }).map(path => `/${path}`)
  const named = [...readme.matchAll(/`([\w./-]+\.ts)`/g)].map(match => match[1]!).filter(name => !tour.files.has(name))
  t.true(named.length > 20)
  t.deepEqual(named.filter(name => !sources.some(path => path.endsWith(`/${name}`))), [])
})
