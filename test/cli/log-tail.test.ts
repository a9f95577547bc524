import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { lastLines } from '../../cli/log-tail.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('log tail: all lines of a small file, none of one that is not there', async t => {
  const path = join(temporaryDirectory(t), 'log')
  t.deepEqual(await lastLines(path), [])
  writeFileSync(path, 'one\ntwo\n\nthree')
  t.deepEqual(await lastLines(path), ['one', 'two', 'three'])
})

test('log tail: of a large file the end, in whole lines', async t => {
  const path = join(temporaryDirectory(t), 'log')
  const all = Array.from({ length: 50_000 }, (_, n) => `line ${n} ü`)
  writeFileSync(path, `${all.join('\n')}\n`)
  const lines = await lastLines(path)
  t.true(lines.length > 1000 && lines.length < all.length)
  t.deepEqual(lines, all.slice(-lines.length))
})
