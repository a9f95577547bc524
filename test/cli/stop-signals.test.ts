import { spawn } from 'node:child_process'
import test, { type ExecutionContext } from 'ava'
import { ChildOutput } from '../support/child-output.ts'

const module = new URL('../../cli/stop-signals.ts', import.meta.url).href

test('stop signals: the first one stops, and one keystroke that arrives twice is one', async t => {
  const { send, next } = await start(t)
  send('SIGINT', 0)
  t.is(await next(), 'stop')
  send('SIGINT', 100)
  send('SIGTERM', 100)
  send('SIGINT', 301)
  t.is(await next(), 'end')
})

test('stop signals: SIGTERM stops once, Ctrl-C after it ends', async t => {
  const { send, next } = await start(t)
  send('SIGTERM', 0)
  t.is(await next(), 'stop')
  send('SIGTERM', 1000)
  send('SIGHUP', 1000)
  send('SIGINT', 1000)
  t.is(await next(), 'end')
})

test('stop signals: SIGUSR2 of operators of NATS stops in order', async t => {
  const { send, next } = await start(t)
  send('SIGUSR2', 0)
  t.is(await next(), 'stop')
})

test('stop signals: SIGUSR1 opens no debugger', async t => {
  const { kill, send, next, complaints } = await start(t)
  kill('SIGUSR1')
  // Signals come in the order of their numbers, and Node says at once where its debugger is.
  kill('SIGTERM')
  t.is(await next(), 'stop')
  send('SIGINT', 1000)
  t.is(await next(), 'end')
  t.is(complaints(), '')
})

test('stop signals: SIGHUP stops where it says that the terminal is gone, else it reloads until something stops', async t => {
  const inTerminal = await start(t)
  inTerminal.send('SIGHUP', 0)
  t.is(await inTerminal.next(), 'stop')
  const without = await start(t, true)
  without.send('SIGHUP', 0)
  without.send('SIGHUP', 1)
  t.deepEqual([await without.next(), await without.next()], ['reload', 'reload'])
  without.send('SIGTERM', 2)
  without.send('SIGHUP', 3)
  without.send('SIGINT', 1000)
  t.deepEqual([await without.next(), await without.next()], ['stop', 'end'])
})

// A process of its own, as signals go to a whole one. Its clock stands where the line on stdin says; signals to itself arrive in order.
async function start(t: ExecutionContext, reloads = false): Promise<{ send: (signal: string, atMs: number) => void; kill: (signal: NodeJS.Signals) => void; complaints: () => string; next: () => Promise<string> }> {
  const script = `const { onStopSignals } = await import(${JSON.stringify(module)})
    let nowMs = 0
    onStopSignals({ stop: () => console.log('stop'), end: () => console.log('end'), ...(${reloads} && { reload: () => console.log('reload') }) }, () => nowMs)
    console.log('ready')
    process.stdin.setEncoding('utf8')
    const { createInterface } = await import('node:readline')
    for await (const line of createInterface({ input: process.stdin })) {
      const [signal, at] = line.split(' ')
      nowMs = Number(at)
      process.emit(signal)
    }`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const output = new ChildOutput(child)
  t.is(await output.next(), 'ready')
  return { next: () => output.next(), kill: signal => void child.kill(signal), complaints: () => output.complaints, send: (signal, atMs) => void child.stdin.write(`${signal} ${atMs}\n`) }
}
