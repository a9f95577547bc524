import { readFileSync } from 'node:fs'
import test from 'ava'
import { homePaths } from '../broker/ground/home.ts'
import { createBroker } from '../index.ts'
import { errorCode } from './support/error-code.ts'
import { runCallboard } from './support/run-callboard.ts'
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
  const beforeMs = performance.now()
  const { exit, stderr } = await runCallboard(t, ['start'], { home })
  t.is(exit, 3)
  t.is(stderr.trimEnd().split('\n').length, 2)
  // A timer of the broker that did not come to run kept it for ten seconds.
  t.true(performance.now() - beforeMs < 8000)
})
