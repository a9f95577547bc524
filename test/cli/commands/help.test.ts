import test from 'ava'
import { buildProgram } from '../../../cli/program.ts'
import type { Command } from 'commander'
import { runCallboard } from '../../support/run-callboard.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const HEAVY = /[\\/](?:zod|yaml|xstate|koffi|pino|@msgpack|broker[\\/]wire|client|actors|transports)[\\/]/

function paths(command: Command, path: readonly string[] = []): string[][] {
  return [[...path], ...command.commands.flatMap(each => paths(each, [...path, each.name()]))]
}

test('help: every command explains itself on stdout and exits with 0', async t => {
  const home = temporaryDirectory(t)
  for (const path of paths(buildProgram())) {
    const { exit, stdout, stderr } = await runCallboard(t, [...path, '--help'], { home })
    t.is(exit, 0, path.join(' '))
    t.is(stderr, '')
    t.true(stdout.startsWith(`Usage: ${['callboard', ...path].join(' ')} `), path.join(' '))
  }
})

// Time depends on the machine; what makes help slow is what it loads.
test('help: it loads nothing of the broker, the client or their libraries', async t => {
  const home = temporaryDirectory(t)
  const watch = `data:text/javascript,${encodeURIComponent('import { registerHooks } from "node:module"; registerHooks({ load(url, context, next) { process._rawDebug("loaded " + url); return next(url, context) } })')}`
  for (const path of [[], ['start'], ['ipc', 'send'], ['doctor']]) {
    const { exit, stderr } = await runCallboard(t, [...path, '--help'], { home, nodeOptions: ['--import', watch] })
    t.is(exit, 0)
    const loaded = stderr.split('\n').filter(line => line.startsWith('loaded file:'))
    t.true(loaded.some(line => line.endsWith('cli/main.ts')), 'the watch works')
    t.deepEqual(loaded.filter(line => HEAVY.test(line)), [], path.join(' '))
  }
})

test('help: --version prints the version of the package', async t => {
  const { exit, stdout } = await runCallboard(t, ['--version'], { home: temporaryDirectory(t) })
  t.is(exit, 0)
  t.regex(stdout, /^\d+\.\d+\.\d+\S*\n$/)
})
