import test from 'ava'
import { linePattern, missingLines, openSession, readTour, sectionOf } from './tour.ts'
import { temporaryDirectory } from './temporary-directory.ts'

test('tour: commands with their outputs, continued lines, and files are read', t => {
  const { steps, files } = readTour(['```console', '$ one \\', '  two', 'printed', '…', '$ three', '```', '', '```python', '# a.py', 'pass', '```', '```sh', '$ not this', '```', ''].join('\n'))
  t.deepEqual(steps, [{ command: 'one   two', output: ['printed', '…'] }, { command: 'three', output: [] }])
  t.deepEqual([...files], [['a.py', '# a.py\npass\n']])
})

test('tour: numbers, times, sizes, ids and spaces may differ, words may not', t => {
  const shown = 'up 2.1 s  memory 117 MiB, broker cccc925c8c3a, 1,024 of [x]'
  t.regex('up 1 m 3 s memory 1.2 GiB, broker 0a1b2c3d4e5f, 7 of [x]', linePattern(shown))
  t.notRegex('up 1 m 3 s memory 1.2 GiB, broker 0a1b2c3d4e5f, none of [x]', linePattern(shown))
  t.notRegex('up 2.1 s  memory 117 MiB, broker cccc925c8c3a, 1,024 of [y]', linePattern(shown))
  t.regex('a 1 whatever stands here z', linePattern('a 5 … z'))
  t.regex('from echo-77-2 (conn-9)', linePattern('from echo-4284 (conn-3)'))
  t.notRegex('from echo (conn-9)', linePattern('from echo-4284 (conn-3)'))
})

test('tour: each shown line needs a printed one of its own', t => {
  t.deepEqual(missingLines(['a 1', 'a 2'], 'a 3\nb\na 4'), [])
  t.deepEqual(missingLines(['a 1', 'a 2'], 'a 3\nb'), ['a 2'])
  t.deepEqual(missingLines(['…', 'a 1'], 'a 3'), [])
})

test('tour: a session keeps its variables, tells the exit code, and reads on what a job prints later', async t => {
  const session = openSession(t, { cwd: temporaryDirectory(t), env: process.env, prelude: 'say() { echo "said $1"; }' })
  t.deepEqual(await session.run('word=hello; false'), { printed: '\n', exit: 1 })
  t.regex((await session.run('say $word')).printed, /^said hello$/m)
  t.regex((await session.run('cat; echo end of input')).printed, /^end of input$/m)
  const { printed } = await session.run('mkfifo go; (read word < go; echo late) & echo now')
  t.notRegex(printed, /late/)
  void session.run('echo > go')
  t.regex(await session.until(soFar => soFar.includes('late')), /^late$/m)
})

test('tour: a section goes from its heading to the next', t => {
  t.is(sectionOf('# a\n\n## b\n1\n### c\n2\n## d\n3\n', 'b'), '## b\n1\n### c\n2\n')
  t.is(sectionOf('# a\n\n## d\n3\n', 'd'), '## d\n3\n')
  t.throws(() => sectionOf('# a\n', 'b'), { message: 'there is no section "b"' })
})
