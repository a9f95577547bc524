import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import test from 'ava'
import { homePaths } from '../broker/ground/home.ts'
import { createBroker } from '../index.ts'
import { errorCode } from './support/error-code.ts'
import { spawnCallboard } from './support/run-callboard.ts'
import { temporaryDirectory } from './support/temporary-directory.ts'

test('createBroker: its log is whole when it has stopped', async t => {
  const home = temporaryDirectory(t)
  const broker = await createBroker({ home })
  await broker.stop()
  const lines = readFileSync(homePaths(home).log, 'utf8').trimEnd().split('\n')
  t.regex(lines.at(-1)!, /"msg":"ended"/)
  t.true(lines.some(line => line.includes('"msg":"started"')))
})

test('createBroker: one that finds the home held says so and leaves the log to the one that holds it', async t => {
  const home = temporaryDirectory(t)
  const broker = await createBroker({ home })
  t.is(await errorCode(createBroker({ home })), 'broker.held')
  await broker.stop()
  const log = readFileSync(homePaths(home).log, 'utf8')
  t.is(log.match(/"msg":"ended"/g)?.length, 1)
})

test('createBroker: a process that finds the home held ends at once, and complains of nothing else', async t => {
  const home = temporaryDirectory(t)
  const broker = await createBroker({ home })
  t.teardown(() => broker.stop())
  const child = spawnCallboard(t, ['start'], { home })
  const ended = once(child, 'close') as Promise<[number | null]>
  const saidMs = once(child.stderr!, 'data').then(() => performance.now())
  const stderr = await text(child.stderr!)
  t.is((await ended)[0], 3)
  t.is(stderr.trimEnd().split('\n').length, 2)
  // A timer of the broker that did not come to run kept it for ten seconds. How long it took to start says nothing.
  t.true(performance.now() - (await saidMs) < 8000)
})
