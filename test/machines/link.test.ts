import test from 'ava'
import { linkMachine } from '../../machines/link.ts'
import { chartTable } from '../support/chart-table.ts'
import { endAtOnce, endInOrder, ending } from '../support/lifecycle-table.ts'

test('link chart: it runs with and without a server; a lost one is replaced at once, the wait comes when there was none', t => {
  t.deepEqual(chartTable(linkMachine), {
    create: { START: 'init', ...endAtOnce },
    init: { INITIALISED: 'run.connecting', ...endAtOnce },
    'run.connecting': { JOINED: 'run.joined', REFUSED: 'run.waiting', ...endInOrder },
    'run.joined': { LOST: 'run.connecting', ...endInOrder },
    'run.waiting': { RETRY: 'run.connecting', ...endInOrder },
    ...ending,
  })
})
