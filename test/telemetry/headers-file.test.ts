import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import { readHeaders } from '../../telemetry/headers-file.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('headers file: one header on each line', t => {
  const path = join(temporaryDirectory(t), 'headers')
  writeFileSync(path, '# for the collector\n\nAuthorization: Bearer a:b=c \r\nx-tenant:7\n')
  t.deepEqual(readHeaders(path), { Authorization: 'Bearer a:b=c', 'x-tenant': '7' })
})

test('headers file: what is wrong is said by its line, and never shown', t => {
  const path = join(temporaryDirectory(t), 'headers')
  writeFileSync(path, 'x-ok: 1\nBearer very-secret\n')
  const error = t.throws(() => readHeaders(path), { instanceOf: BrokerError, code: 'telemetry.headers' })
  t.regex(error.message, /line 2/)
  t.notRegex(error.message, /very-secret/)
})

test('headers file: one that is missing is refused by name', t => {
  const error = t.throws(() => readHeaders('/nowhere/headers'), { instanceOf: BrokerError, code: 'telemetry.headers' })
  t.regex(error.message, /\/nowhere\/headers.*ENOENT/)
})
