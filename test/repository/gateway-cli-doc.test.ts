// The session of docs/gateway-cli.md works as it is printed: every command is run in order, and prints what the page shows.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonTest } from '../support/python.ts'
import { reservedPort } from '../support/reserved-port.ts'
import { openReader, shownTo } from '../support/tour-reader.ts'
import { missingLines, readTour } from '../support/tour.ts'

const root = join(import.meta.dirname, '../..')
const { steps } = readTour(readFileSync(join(root, 'docs/gateway-cli.md'), 'utf8'))
/** Agents take a moment to start; nothing else happens a second time by asking again. */
const CHANGES = /ipc publish|gateway ping|start|stop/
const MOST_LOOKS = 30

/** What depends on the machine and the moment, besides numbers. */
const varying: readonly (readonly [shown: RegExp, allowed: string])[] = [
  [/[▁-█]+/g, '…'],
  [/\d[\d.]* (?:µs|ms|s)\b(?: \d+ s\b)?/g, '…'],
  // Agents connect in any order.
  [/(?:\w+-\d+, )+\w+-\d+/g, '…'],
  [/^ok( +event loop ).*/, '…$1…'],
  [/^ok: \d+ parts looked at, all well$/, '…'],
]

// Python: the fleet's agent `tail` is written in it, and stands in the outputs.
pythonTest('gateway page: its session prints what it shows', async t => {
  t.timeout(180_000)
  const reader = openReader(t, { gatewayPort: await reservedPort(t), natsPort: await reservedPort(t) })
  const { session } = reader
  t.true(steps.length > 15)
  for (const { command, output } of steps) {
    const shown = shownTo(reader, output).map(line => varying.reduce((text, [found, allowed]) => text.replace(found, allowed), line))
    let { printed } = await session.run(command)
    for (let looks = 1; !CHANGES.test(command) && missingLines(shown, printed).length > 0 && looks < MOST_LOOKS; looks++) ({ printed } = await session.run(command))
    t.deepEqual(missingLines(shown, printed), [], `${command}\n${printed}`)
  }
})
