import { appendFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { followLines, readLines } from '../../cli/line-source.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('line source: every line once, a last one without an end too, characters across chunks whole', async t => {
  const path = join(temporaryDirectory(t), 'log')
  const lines = Array.from({ length: 30_000 }, (_, n) => `${n} 命令`)
  writeFileSync(path, lines.join('\n'))
  const read: string[] = []
  for await (const line of readLines(path)) read.push(line)
  t.deepEqual(read, lines)
})

test('line source: following gives what is there, then what is added, and only whole lines', async t => {
  const { path, take, caughtUp } = follow(t, 'a\nb')
  t.deepEqual(await caughtUp(), ['a'])
  appendFileSync(path, '2\nc\n')
  t.deepEqual(await take(2), ['b2', 'c'])
})

test('line source: following waits for a file that is not there', async t => {
  const { path, take, caughtUp } = follow(t, undefined)
  t.deepEqual(await caughtUp(), [])
  writeFileSync(path, 'first\n')
  t.deepEqual(await take(1), ['first'])
})

test('line source: following goes on in the new file after rotation, and misses nothing of the old one', async t => {
  const { path, take, caughtUp } = follow(t, 'old 1\n')
  t.deepEqual(await caughtUp(), ['old 1'])
  appendFileSync(path, 'old 2\n')
  renameSync(path, `${path}.1`)
  appendFileSync(`${path}.1`, 'old 3\n')
  writeFileSync(path, 'new 1\n')
  t.deepEqual(await take(3), ['old 2', 'old 3', 'new 1'])
})

test('line source: following begins again after truncation', async t => {
  const { path, take, caughtUp } = follow(t, 'before\nhalf a li')
  t.deepEqual(await caughtUp(), ['before'])
  truncateSync(path)
  appendFileSync(path, 'after\n')
  t.deepEqual(await take(1), ['after'])
})

test('line source: following goes on when the file is deleted and made again', async t => {
  const { path, take, caughtUp } = follow(t, 'before\n')
  t.deepEqual(await caughtUp(), ['before'])
  unlinkSync(path)
  writeFileSync(path, 'after\n')
  t.deepEqual(await take(1), ['after'])
})

test('line source: following ends with its signal', async t => {
  const { caughtUp, end, take } = follow(t, 'a\n')
  await caughtUp()
  end()
  t.deepEqual(await take(1), [])
})

function follow(t: ExecutionContext, content: string | undefined): { path: string; take: (count: number) => Promise<string[]>; caughtUp: () => Promise<string[]>; end: () => void } {
  const path = join(temporaryDirectory(t), 'log')
  if (content !== undefined) writeFileSync(path, content)
  const over = new AbortController()
  const lines = followLines(path, over.signal)
  t.teardown(async () => {
    over.abort()
    await lines.return(undefined)
  })
  const read = async (isEnough: (lines: string[], line: string | null) => boolean): Promise<string[]> => {
    const taken: string[] = []
    for (;;) {
      const result = await lines.next()
      if (result.done === true) return taken
      if (result.value !== null) taken.push(result.value)
      if (isEnough(taken, result.value)) return taken
    }
  }
  return { path, take: count => read(taken => taken.length === count), caughtUp: () => read((_, line) => line === null), end: () => over.abort() }
}
