import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { errorTable } from '../../broker/ground/errors.ts'
import { errorsPage } from '../../scripts/errors-doc.ts'

const entries = Object.entries(errorTable)

test('errors page: docs/errors.md says what the table says (else: node scripts/errors-doc.ts)', t => {
  t.is(readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8'), errorsPage())
})

test('errors page: every code stands on it with its close code', t => {
  const page = errorsPage()
  for (const [code, { close }] of entries) t.true(page.includes(`| \`${code}\` | ${4000 + close} |`), code)
})

test('errors: a close number is given once and fits a WebSocket close code', t => {
  const numbers = entries.map(([, { close }]) => close)
  t.deepEqual(numbers.filter((number, index) => numbers.indexOf(number) !== index), [])
  t.true(numbers.every(number => Number.isInteger(number) && number >= 1 && number <= 999))
})

test('errors: a code is area.reason', t => {
  t.deepEqual(entries.map(([code]) => code).filter(code => !/^[a-z]+\.[a-z]+(_[a-z]+)*$/.test(code)), [])
})
