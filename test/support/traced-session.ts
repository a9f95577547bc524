// Plays a traced debugging session as a document prints it, with a port of its own for the collector in place of 4318.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { reservedPort } from './reserved-port.ts'
import { openReader, shownTo } from './tour-reader.ts'
import { missingLines, type Step } from './tour.ts'
import { until } from './until.ts'

/** What the reader may have to do again: log lines come a moment later, agents take one to start. */
const COMES_LATER = /^npx callboard (?:logs|ipc send --to)/
const MOST_LOOKS = 60

export async function playTracedSession(t: ExecutionContext, steps: readonly Step[]): Promise<void> {
  t.timeout(240_000)
  const port = String(await reservedPort(t))
  const reader = openReader(t, { copies: ['examples'], nodeArguments: port })
  const { checkout, session } = reader
  const config = join(checkout, 'examples/traced.yaml')
  writeFileSync(config, readFileSync(config, 'utf8').replace('4318', port))
  for (const { command, output } of steps) {
    const shown = shownTo(reader, output)
    // So do spans: a reader is slower than that.
    const file = /^cat (\S+)$/.exec(command)?.[1]
    if (file !== undefined) {
      const missing = (): string[] => missingLines(shown, readFileSync(join(checkout, file), 'utf8'))
      await until(() => missing().length === 0, missing)
    }
    let { printed, exit } = await session.run(command)
    for (let looks = 1; COMES_LATER.test(command) && missingLines(shown, printed).length > 0 && looks < MOST_LOOKS; looks++) ({ printed, exit } = await session.run(command))
    t.is(exit, 0, `${command}\n${printed}`)
    t.deepEqual(missingLines(shown, printed), [], `${command}\n${printed}`)
  }
}
