// The README's tour works as it is printed: its commands are run in order, in a home of their own, and print what it shows.

import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { connect } from '../../client/index.ts'
import { pythonTest } from '../support/python.ts'
import { openReader, shownTo, type Reader } from '../support/tour-reader.ts'
import { missingLines, readTour, sectionOf } from '../support/tour.ts'

const root = join(import.meta.dirname, '../..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const tour = readTour(sectionOf(readme, 'A tour of five minutes'))

/** Addresses that the README shows; a reader's in this test have any ports that are free. */
const SHOWN_GATEWAY = 'ws://127.0.0.1:18789/'
const SHOWN_NATS = 'nats://127.0.0.1:4222'
const SETTLES = /^npx callboard (?:tree|agents)$/

/** True when it is too early: a reader types more slowly than an agent starts. Nothing is done twice by asking again. */
function isEarly(command: string, shown: readonly string[], printed: string): boolean {
  return SETTLES.test(command) ? missingLines(shown, printed).length > 0 : printed.includes('request.no_responders')
}

/** Times that a command is tried. */
const MOST_LOOKS = 30

/** Resolves when somebody who listens is there that was not before. */
async function untilListening(home: string, before: number): Promise<void> {
  const client = await connect({ home: join(home, '.callboard'), program: 'watcher', requestTimeoutMs: 60_000 })
  while ((await subscriptions(client)) <= before);
  await client.close()
}

async function subscriptions(client: Awaited<ReturnType<typeof connect>>): Promise<number> {
  const { connections } = await client.call('connections')
  return connections.reduce((sum, { subscriptions: count }) => sum + count, 0)
}

/** Files of the tour that connect to the shown addresses, with those of the broker that runs. */
async function writeNetworkFiles({ home, checkout }: Reader): Promise<void> {
  const client = await connect({ home: join(home, '.callboard'), program: 'watcher', requestTimeoutMs: 60_000 })
  const { gateway, nats } = await client.call('status')
  for (const [name, text] of tour.files) writeFileSync(join(checkout, name), text.replaceAll(SHOWN_GATEWAY, gateway!).replaceAll(SHOWN_NATS, nats!))
  await client.close()
}

async function countListening(home: string): Promise<number> {
  const client = await connect({ home: join(home, '.callboard'), program: 'watcher', requestTimeoutMs: 60_000 })
  const count = await subscriptions(client)
  await client.close()
  return count
}

pythonTest('readme: the commands of the tour print what it shows', async t => {
  t.timeout(180_000)
  const reader = openReader(t)
  const { home, checkout, session } = reader
  for (const [name, text] of tour.files) writeFileSync(join(checkout, name), text)
  for (const { command, output } of tour.steps) {
    t.log(command)
    const shown = shownTo(reader, output)
    const isBackground = command.endsWith('&')
    const before = isBackground ? await countListening(home) : 0
    let { printed, exit } = await session.run(command)
    for (let looks = 1; isEarly(command, shown, printed) && looks < MOST_LOOKS; looks++) ({ printed, exit } = await session.run(command))
    if (isBackground) await untilListening(home, before)
    // A job in the background prints when it gets something.
    else printed = await session.until(soFar => exit !== 0 || missingLines(shown, soFar).length === 0)
    t.is(exit, 0, `${command}\n${printed}`)
    t.deepEqual(missingLines(shown, printed), [], `${command}\n${printed}`)
    if (command.includes('start --detach')) await writeNetworkFiles(reader)
  }
})

test('readme: the tour shows every step of a first visit', t => {
  const commands = tour.steps.map(({ command }) => command).join('\n')
  for (const word of ['start --detach', 'status', 'tree', 'send', 'subscribe', 'channel create', 'publish', 'broadcast', 'trace', '--id msg-123', 'trace --message-id msg-123', 'stats', 'kill -9', 'python3', 'npx node', 'doctor', 'stop']) t.true(commands.includes(word), word)
  t.deepEqual([...tour.files.keys()], ['hello.py', 'gateway.ts', 'nats.ts', 'hello.ts'])
  t.true(readme.indexOf('npm ci && npm start') < readme.indexOf('## '))
})

test('readme: every source file that it names exists', t => {
  const sources = globSync('**/*.ts', { cwd: root, exclude: ['node_modules/**', 'dist/**', 'test/support/**'] }).map(path => `/${path}`)
  const named = [...readme.matchAll(/`([\w./-]+\.ts)`/g)].map(match => match[1]!).filter(name => !tour.files.has(name))
  t.true(named.length > 20)
  t.deepEqual(named.filter(name => !sources.some(path => path.endsWith(`/${name}`))), [])
})
