// One broker for each home, and one for each identity on a host: what a second start is told.

import { cpSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { startBrokerProcess } from '../support/broker.ts'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('one broker: the copy of a home is refused while its broker runs, and harms none of its agents', async t => {
  const agent = { name: 'still', command: 'sleep', args: ['1000'] }
  const { home, pid, callboard } = await startBrokerProcess(t, { config: { agents: [agent] } })
  const before = await callboard.json('agents')
  const copy = join(temporaryDirectory(t), 'copy')
  cpSync(home, copy, { recursive: true, filter: source => !source.endsWith('.sock') })
  const refused = await runCallboard(t, ['start'], { home: copy })
  t.is(refused.exit, 3)
  t.is(refused.stderr, `error: the home ${copy} is a copy of ${home}, whose broker (process ${pid}) runs with the same identity (home.copied)\nhint: stop that one, or delete broker.json and agents.json in the copy: it becomes a broker of its own then\n`)
  // Its list of agents named those of the other broker, which it would have ended.
  t.deepEqual(((await callboard.json('agents')) as { pid: number }[]).map(each => each.pid), (before as { pid: number }[]).map(each => each.pid))
  // Commands do not take the one for the other either.
  t.regex((await runCallboard(t, ['stop'], { home: copy })).stderr, /no broker runs in .*copy/)
})
