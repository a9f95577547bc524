// The session of docs/queue-cli.md works as it is printed: every command is run in order, and prints what the page shows.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { buildProgram } from '../../cli/program.ts'
import { openReader, shownTo } from '../support/tour-reader.ts'
import { missingLines, readTour } from '../support/tour.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/queue-cli.md'), 'utf8')
const { steps } = readTour(page)

test('queue page: its session prints what it shows', async t => {
  t.timeout(180_000)
  const reader = openReader(t)
  t.true(steps.length > 20)
  for (const { command, output } of steps) {
    const { printed } = await reader.session.run(command)
    t.deepEqual(missingLines(shownTo(reader, output), printed), [], `${command}\n${printed}`)
  }
})

test('queue page: every command of queues is on it', t => {
  const queue = buildProgram().commands.find(command => command.name() === 'queue')!
  const mentioned = (name: string): boolean => page.includes(`callboard queue ${name}`) || page.includes(`\`${name}\``)
  t.deepEqual(queue.commands.map(command => command.name()).filter(name => name !== 'help' && !mentioned(name)), [])
})
