import test from 'ava'
import { agentMachine } from '../../machines/agent.ts'
import { chartTable } from '../support/chart-table.ts'
import { endAtOnce, endInOrder, ending } from '../support/lifecycle-table.ts'

test('agent chart: runs detached until its connection comes and again when that is gone', t => {
  const run = { MAINTAIN: 'maintain', ...endInOrder }
  t.deepEqual(chartTable(agentMachine), {
    create: { START: 'init', ...endAtOnce },
    init: { INITIALISED: 'run.detached', ...endAtOnce },
    'run.detached': { ATTACHED: 'run.attached', ...run },
    'run.attached': { DETACHED: 'run.detached', ...run },
    maintain: { MAINTAINED: 'init', ...endInOrder },
    ...ending,
  })
})
