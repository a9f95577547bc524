import test from 'ava'
import { Successor } from '../../../actors/upgrade/successor.ts'
import { errorCode } from '../../support/error-code.ts'
import { isRunning } from '../../support/broker-home.ts'

const started = (script: string): Successor => new Successor({ command: [process.execPath, '-e', script], sockets: [], isForeground: false })

test('successor: one that says nothing in its time is given up, and killed', async t => {
  const successor = started('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)')
  const error = await t.throwsAsync(successor.hears('ready', 50))
  t.regex(error.message, /upgrade\.failed.*said nothing of "ready" within 50 ms/)
  await successor.kill()
  t.false(isRunning(successor.process.pid!))
})

test('successor: its last words say more than its end', async t => {
  const successor = started('process.send({ type: "failed", error: { code: "store.version", message: "too new", retryable: false } }, () => process.exit(2))')
  const error = await t.throwsAsync(successor.hears('ready', 60_000))
  t.regex(error.message, /too new/)
  await successor.kill()
})

test('successor: agents that may end are told of, also those of which was heard before anybody listened', async t => {
  const successor = started('process.send({ type: "serving" }); process.send({ type: "relieved", agent: "a" }); process.on("message", () => { process.send({ type: "relieved", agent: "b" }); process.disconnect() })')
  await successor.hears('serving', 60_000)
  const agents: string[] = []
  const both = new Promise<void>(resolve => successor.onRelieved(agent => {
    agents.push(agent)
    if (agents.length === 2) resolve()
  }))
  successor.tell({ type: 'taken' })
  await both
  t.deepEqual(agents, ['a', 'b'])
  successor.release()
})

test('successor: a program that is not there is told by its name', async t => {
  const successor = new Successor({ command: ['/nowhere/callboard'], sockets: [], isForeground: false })
  t.is(await errorCode(successor.hears('ready', 60_000)), 'upgrade.failed')
  await successor.kill()
})
