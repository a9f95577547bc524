// The traced debugging session of docs/telemetry.md works as it is printed, with a port of its own in place of 4318.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { loadConfig } from '../../config/load.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { openReader, shownTo } from '../support/tour-reader.ts'
import { missingLines, readTour } from '../support/tour.ts'
import { until } from '../support/until.ts'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/telemetry.md'), 'utf8')
const { steps } = readTour(page)
/** What the reader may have to do again: log lines come a moment later, agents take one to start. */
const COMES_LATER = /^npx callboard (?:logs|ipc send --to)/
const MOST_LOOKS = 60

test('telemetry page: the traced debugging session prints what it shows', async t => {
  t.timeout(120_000)
  const port = String(await reservedPort(t))
  const reader = openReader(t, { copies: ['examples'], nodeArguments: port })
  const { checkout, session } = reader
  const config = join(checkout, 'examples/traced.yaml')
  writeFileSync(config, readFileSync(config, 'utf8').replace('4318', port))
  t.is(steps.length, 7)
  for (const { command, output } of steps) {
    const shown = shownTo(reader, output)
    // So do spans: a reader is slower than that.
    const file = /^cat (\S+)$/.exec(command)?.[1]
    if (file !== undefined) await until(() => missingLines(shown, readFileSync(join(checkout, file), 'utf8')).length === 0)
    let { printed, exit } = await session.run(command)
    for (let looks = 1; COMES_LATER.test(command) && missingLines(shown, printed).length > 0 && looks < MOST_LOOKS; looks++) ({ printed, exit } = await session.run(command))
    t.is(exit, 0, `${command}\n${printed}`)
    t.deepEqual(missingLines(shown, printed), [], `${command}\n${printed}`)
  }
})

test('telemetry page: its configuration is one', async t => {
  const path = join(temporaryDirectory(t), 'config.yaml')
  writeFileSync(path, /^```yaml\n(telemetry:[^]*?)^```$/m.exec(page)![1]!)
  const { settings } = await loadConfig(path)
  t.like(settings.telemetry, { endpoint: 'http://127.0.0.1:4318', prometheus: true, exportIntervalMs: 60_000 })
})
