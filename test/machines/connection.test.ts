import test from 'ava'
import { connectionMachine } from '../../machines/connection.ts'
import { chartTable } from '../support/chart-table.ts'
import { endAtOnce, endInOrder, ending } from '../support/lifecycle-table.ts'

test('connection chart: re-authenticates in place and stays as stalled as it was', t => {
  t.deepEqual(chartTable(connectionMachine), {
    create: { START: 'init', ...endAtOnce },
    init: { INITIALISED: 'run.flowing', ...endAtOnce },
    'run.flowing': { STALLED: 'run.stalled', MAINTAIN: 'maintain.flowing', ...endInOrder },
    'run.stalled': { RELIEVED: 'run.flowing', MAINTAIN: 'maintain.stalled', ...endInOrder },
    'maintain.flowing': { STALLED: 'maintain.stalled', MAINTAINED: 'run.flowing', ...endInOrder },
    'maintain.stalled': { RELIEVED: 'maintain.flowing', MAINTAINED: 'run.stalled', ...endInOrder },
    ...ending,
  })
})
