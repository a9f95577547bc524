import test from 'ava'
import { formatFields, formatTable, textWidth, type Column } from '../../cli/table.ts'

const columns: readonly Column<[string, number]>[] = [
  { title: 'NAME', cell: row => row[0] },
  { title: 'N', align: 'right', cell: row => String(row[1]) },
]

test('table: columns are as wide as their widest cell, numbers stand right, no line ends in spaces', t => {
  t.is(formatTable(columns, [['a', 1], ['longer', 1000]]), 'NAME       N\na          1\nlonger  1000')
})

test('table: without rows there is the heading', t => t.is(formatTable(columns, []), 'NAME  N'))

test('table: wide characters and colours do not shift the columns', t => {
  t.is(formatTable(columns, [['命令', 1], ['ab', 2]]), 'NAME  N\n命令  1\nab    2')
  t.is(textWidth('\u001b[31mred\u001b[39m'), 3)
  t.is(textWidth('e\u0301'), 1)
  t.is(textWidth('🚀'), 2)
})

test('table: a name with control characters stays in its row', t => {
  t.is(formatTable(columns, [['a\nb', 1]]), 'NAME  N\na\\nb  1')
})

test('table: fields stand under each other', t => {
  t.is(formatFields([['pid', '7'], ['socket', '/s']]), 'pid     7\nsocket  /s')
})
