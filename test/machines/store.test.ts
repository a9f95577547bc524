import test from 'ava'
import { storeMachine } from '../../machines/store.ts'
import { chartTable } from '../support/chart-table.ts'
import { endAtOnce, endInOrder, ending } from '../support/lifecycle-table.ts'

test('store chart: it runs before anybody needs it, and runs on while another is opened for one that failed', t => {
  t.deepEqual(chartTable(storeMachine), {
    create: { START: 'init', ...endAtOnce },
    init: { INITIALISED: 'run.idle', ...endAtOnce },
    'run.idle': { OPENED: 'run.open', ...endInOrder },
    'run.open': { LOST: 'run.lost', ...endInOrder },
    'run.lost': { OPENED: 'run.open', ...endInOrder },
    ...ending,
  })
})
