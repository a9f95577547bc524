import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { keyRows } from '../../config/key-list.ts'
import { configKeysPage } from '../../scripts/config-keys.ts'

test('config keys: docs/config-keys.md says what the schema and the table say (else: node scripts/config-keys.ts)', t => {
  t.is(readFileSync(join(import.meta.dirname, '../../docs/config-keys.md'), 'utf8'), configKeysPage())
})

test('config keys: every key has one row, with type, default and state', t => {
  const rows = configKeysPage().split('\n').filter(line => line.startsWith('| `'))
  t.deepEqual(rows.map(row => /^\| `([^`]+)` \|/.exec(row)![1]!).toSorted(), keyRows().map(row => row.path).toSorted())
  for (const row of rows) t.regex(row, /\| (works|later: comes with \w+)/)
})

test('config keys: what a working key allows and means is told', t => {
  for (const row of keyRows().filter(row => row.state.startsWith('works'))) {
    t.not(row.allowed, '', row.path)
    t.regex(row.about, /^[A-Z].*\.$/, row.path)
  }
})
