// The traced debugging session of docs/telemetry.md works as it is printed, with a port of its own in place of 4318.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadConfig } from '../../config/load.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { readTour } from '../support/tour.ts'
import { playTracedSession } from '../support/traced-session.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/telemetry.md'), 'utf8')
const { steps } = readTour(page)
test('telemetry page: the traced debugging session prints what it shows', async t => {
  t.is(steps.length, 7)
  await playTracedSession(t, steps)
})

test('telemetry page: its configuration is one', async t => {
  const path = join(temporaryDirectory(t), 'config.yaml')
  writeFileSync(path, /^```yaml\n(telemetry:[^]*?)^```$/m.exec(page)![1]!)
  const { settings } = await loadConfig(path)
  t.like(settings.telemetry, { endpoint: 'http://127.0.0.1:4318', prometheus: true, exportIntervalMs: 60_000 })
})
