import test from 'ava'
import { formatRate, formatTable } from '../../../bench/measure/table.ts'

test('table: names stand left, figures right, without trailing blanks', t => {
  t.is(
    formatTable(['name', 'server', 'rate'], [
      ['A', 'relay', '10.0M'],
      ['B1000', 'nats', '9'],
    ]),
    ['name   server   rate', '-----  ------  -----', 'A      relay   10.0M', 'B1000  nats        9'].join('\n'),
  )
})

test('table: rates keep about three digits', t => {
  t.deepEqual([39_120_000, 7_400_000, 702_345, 37_412, 950].map(formatRate), ['39.1M', '7.40M', '702k', '37.4k', '950'])
})
