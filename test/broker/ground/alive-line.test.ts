import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import test, { type ExecutionContext } from 'ava'
import { readAliveWord } from '../../../broker/ground/alive-line.ts'

const module = new URL('../../../broker/ground/alive-line.ts', import.meta.url).href

/** A process with a line to the test; `script` has it as `line`. */
function talker(t: ExecutionContext, script: string): { child: ChildProcess; line: Readable; next: () => Promise<ReturnType<typeof readAliveWord>> } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', `const { aliveLine } = await import(${JSON.stringify(module)}); const line = aliveLine(); ${script}`], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'], env: { ...process.env, CALLBOARD_ALIVE_FD: '3' } })
  t.teardown(() => child.kill('SIGKILL'))
  const line = child.stdio[3] as Readable
  const lines = createInterface({ input: line })[Symbol.asyncIterator]()
  return { child, line, next: async () => readAliveWord(String((await lines.next()).value)) }
}

test('alive line: a broker says that it is here, serves, lives and has ended; its environment does not tell what it starts', async t => {
  const { child, next } = talker(t, `line.serving(['node', 'x']); setTimeout(async () => { await line.ended(process.env.CALLBOARD_ALIVE_FD === undefined && aliveLine() === line ? 0 : 9); process.exit() }, 1100)`)
  const { pid } = child
  t.deepEqual(await next(), { is: 'here', pid: pid! })
  t.deepEqual(await next(), { is: 'serving', pid: pid!, program: ['node', 'x'] })
  t.deepEqual(await next(), { is: 'alive', pid: pid! })
  let word = await next()
  // On a busy machine more often than once.
  while (word?.is === 'alive') word = await next()
  t.deepEqual(word, { is: 'ended', pid: pid!, code: 0 })
  t.is(await next(), undefined)
})

test('alive line: it keeps no process from ending', async t => {
  const { child } = talker(t, '')
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('alive line: a broker whose watchdog is gone learns of it and goes on, and has no line to hand on', async t => {
  const { child, line, next } = talker(t, `const going = setInterval(() => {}, 1000); await line.lost; await line.ended(0); console.log(aliveLine() === undefined ? 'goes on' : 'has a line'); clearInterval(going)`)
  t.like(await next(), { is: 'here' })
  line.destroy()
  t.is(String((await once(child.stdout!, 'data'))[0]), 'goes on\n')
  t.deepEqual(await once(child, 'exit'), [0, null])
})

test('alive line: what is no word of it says nothing', t => {
  for (const text of ['', '{', 'null', '[]', '7', '{"is":"alive"}', '{"is":"other","pid":1}', '{"is":"alive","pid":"1"}', 'undefined']) t.is(readAliveWord(text), undefined, text)
})
