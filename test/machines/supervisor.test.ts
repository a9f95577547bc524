import test from 'ava'
import { supervisorMachine } from '../../machines/supervisor.ts'
import { chartTable } from '../support/chart-table.ts'
import { endAtOnce, endInOrder, ending } from '../support/lifecycle-table.ts'

test('supervisor chart: is restarting while a child waits for its restart, steady otherwise', t => {
  const run = { MAINTAIN: 'maintain', ...endInOrder }
  t.deepEqual(chartTable(supervisorMachine), {
    create: { START: 'init', ...endAtOnce },
    init: { INITIALISED: 'run.steady', ...endAtOnce },
    'run.steady': { RESTARTING: 'run.restarting', ...run },
    'run.restarting': { STEADY: 'run.steady', ...run },
    maintain: { MAINTAINED: 'init', ...endInOrder },
    ...ending,
  })
})
