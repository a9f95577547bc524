import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { temporaryDirectory } from './temporary-directory.ts'

test('temporary directory: empty, private, and short enough for a socket in it', t => {
  const path = temporaryDirectory(t)
  t.deepEqual(readdirSync(path), [])
  t.is(statSync(path).mode & 0o777, 0o700)
  t.true(Buffer.byteLength(join(path, 'callboard.4294967295.sock')) <= 107)
})

test('temporary directory: two of one test differ, both go when it ends', t => {
  const teardowns: (() => unknown)[] = []
  const scope = { teardown: (done: () => unknown): void => void teardowns.push(done) }
  const first = temporaryDirectory(scope)
  const second = temporaryDirectory(scope)
  writeFileSync(join(first, 'left-behind'), 'text')
  t.not(first, second)
  for (const done of teardowns) done()
  t.deepEqual([existsSync(first), existsSync(second)], [false, false])
})
