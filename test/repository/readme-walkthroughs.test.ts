// The README's walkthroughs beside its tour work as they are printed: a supervised fleet, and a traced debugging session.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { openReader, shownTo } from '../support/tour-reader.ts'
import { missingLines, readTour, sectionOf } from '../support/tour.ts'
import { playTracedSession } from '../support/traced-session.ts'
import { endAfterwards } from '../support/watched-broker.ts'

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const stepsOf = (heading: string): ReturnType<typeof readTour>['steps'] => readTour(sectionOf(readme, heading)).steps

/** What only looks: a reader types more slowly than agents and brokers start again. */
const LOOKS = /^npx callboard (?:agent (?:ls|crashes)|status|ipc request)/
const MOST_LOOKS = 60

test('readme: a supervised fleet does what it shows', async t => {
  t.timeout(180_000)
  const steps = stepsOf('A supervised fleet')
  for (const word of ['--watchdog', 'agent ls', 'agent crashes', 'agent scale', 'agent upgrade', 'callboard.pid', 'stop']) t.true(steps.some(({ command }) => command.includes(word)), word)
  const reader = openReader(t)
  endAfterwards(t, join(reader.home, '.callboard'))
  for (const { command, output } of steps) {
    t.log(command)
    const shown = shownTo(reader, output)
    let { printed, exit } = await reader.session.run(command)
    for (let looks = 1; LOOKS.test(command) && missingLines(shown, printed).length > 0 && looks < MOST_LOOKS; looks++) ({ printed, exit } = await reader.session.run(command))
    t.is(exit, 0, `${command}\n${printed}`)
    t.deepEqual(missingLines(shown, printed), [], `${command}\n${printed}`)
    // Other numbers are as good elsewhere; here they are the point.
    for (const version of output.filter(line => line.includes('"version"'))) t.true(printed.includes(version), printed)
  }
})

test('readme: a traced debugging session prints what it shows', async t => {
  const steps = stepsOf('A traced debugging session')
  t.is(steps.length, 5)
  await playTracedSession(t, steps)
})
