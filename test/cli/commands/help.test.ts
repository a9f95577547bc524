import test from 'ava'
import { buildMacProgram } from '../../../cli/mac/program.ts'
import { buildProgram } from '../../../cli/program.ts'
import type { Command } from 'commander'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const HEAVY = /[\\/](?:zod|yaml|xstate|koffi|pino|@msgpack|broker[\\/]wire|client|actors|transports)[\\/]/

function paths(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap(each => paths(each, [...path, each.name()]))]
}

const tools = [
  { tool: 'callboard', build: buildProgram, main: 'cli/main.ts', looked: [[], ['start'], ['ipc', 'send'], ['doctor']] },
  { tool: 'callboard-mac', build: buildMacProgram, main: 'cli/mac/main.ts', looked: [[], ['discover'], ['connect']] },
] as const

for (const { tool, build, main, looked } of tools) {
  // In this process: as processes of their own they would take 60 ms each. Those of the next test are.
  test(`help: every command of ${tool} explains itself`, t => {
    const program = build()
    for (const path of paths(program)) {
      const command = path.reduce((at, name) => at.commands.find(each => each.name() === name)!, program)
      t.true(command.helpInformation().startsWith(`Usage: ${[tool, ...path].join(' ')} `), path.join(' '))
    }
  })

  // Time depends on the machine; what makes help slow is what it loads.
  test(`help: ${tool} loads nothing of the broker, the client or their libraries for it`, async t => {
    const home = temporaryDirectory(t)
    const watch = `data:text/javascript,${encodeURIComponent('import { registerHooks } from "node:module"; registerHooks({ load(url, context, next) { process._rawDebug("loaded " + url); return next(url, context) } })')}`
    for (const path of looked) {
      const { exit, stdout, stderr } = await runCallboard(t, [...path, '--help'], { tool, home, nodeOptions: ['--import', watch] })
      t.is(exit, 0)
      t.true(stdout.startsWith(`Usage: ${[tool, ...path].join(' ')} `), path.join(' '))
      t.deepEqual(stderr.split('\n').filter(line => line !== '' && !line.startsWith('loaded ')), [])
      const loaded = stderr.split('\n').filter(line => line.startsWith('loaded file:'))
      t.true(loaded.some(line => line.endsWith(main)), 'the watch works')
      t.deepEqual(loaded.filter(line => HEAVY.test(line)), [], path.join(' '))
    }
  })
}

test('help: --version prints the version of the package', async t => {
  const { exit, stdout } = await runCallboard(t, ['--version'], { home: temporaryDirectory(t) })
  t.is(exit, 0)
  t.regex(stdout, /^\d+\.\d+\.\d+\S*\n$/)
})
