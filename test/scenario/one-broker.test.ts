// One broker for each home, and one for each identity on a host: what a second start is told.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { startBrokerProcess } from '../support/broker.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { isThere } from '../support/until.ts'

test('one broker: the copy of a home is refused while its broker runs, and harms none of its agents', async t => {
  const agent = { name: 'still', command: 'sleep', args: ['1000'] }
  const { home, pid, callboard } = await startBrokerProcess(t, { config: { agents: [agent] } })
  const pidOfAgent = async (): Promise<number> => {
    const [{ agents: [running] }] = (await callboard.json('agents')) as [{ agents: [{ pid: number }] }]
    return running.pid
  }
  const before = await pidOfAgent()
  t.true(isThere(before))
  const copy = join(temporaryDirectory(t), 'copy')
  cpSync(home, copy, { recursive: true, filter: source => !source.endsWith('.sock') })
  const refused = await runCallboard(t, ['start'], { home: copy })
  t.is(refused.exit, 3)
  t.is(refused.stderr, `error: the home ${copy} is a copy of ${home}, whose broker (process ${pid}) runs with the same identity (home.copied)\nhint: stop that one, or delete broker.json and agents.json in the copy: it becomes a broker of its own then\n`)
  // Its list of agents named those of the other broker, which it would have ended.
  t.is(await pidOfAgent(), before)
  // Commands do not take the one for the other either.
  t.regex((await runCallboard(t, ['stop'], { home: copy })).stderr, /no broker runs in .*copy/)
})
