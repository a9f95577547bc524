import { spawn, spawnSync, type SpawnOptions } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, linkSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { ownPrograms } from '../../../broker/security/own-programs.ts'
import { createProcessCheck, type ProcessCheckOptions } from '../../../broker/security/process-check.ts'
import { readProgram } from '../../../broker/security/running-program.ts'
import { pythonTest } from '../../support/python.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const node = process.execPath
const WAITING_SCRIPT = 'process.stdout.write("ready"); process.stdin.resume()\n'

/** Starts a process that ends with the test; resolves with its pid when the process has written something. */
async function start(t: ExecutionContext, command: string, args: readonly string[], options: Pick<SpawnOptions, 'cwd' | 'env'> = {}): Promise<number> {
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  await Promise.race([once(child.stdout, 'data'), once(child, 'close').then(() => t.fail(`${command} ${args.join(' ')} ended early`))])
  return child.pid!
}

/** `cat` says nothing by itself: it is given what it is to say. */
async function startCat(t: ExecutionContext, command: string): Promise<number> {
  const child = spawn(command, { stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => child.kill('SIGKILL'))
  child.stdin.write('ready')
  await once(child.stdout, 'data')
  return child.pid!
}

function write(directory: string, name: string, text = WAITING_SCRIPT): string {
  const path = join(directory, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

function checkFor(options: Partial<ProcessCheckOptions>): (pid: number | undefined) => void {
  return createProcessCheck({ allowed: ['it'], processes: {}, builtIn: {}, isOwnAgent: () => false, ...options })
}

function checkScript(script: string, executable = node): (pid: number | undefined) => void {
  return checkFor({ processes: { it: { executable, script } } })
}

function refuses(t: ExecutionContext, check: (pid: number | undefined) => void, pid: number | undefined, executable: RegExp): void {
  const error = t.throws(() => check(pid), { instanceOf: BrokerError })
  t.is(error.code, 'auth.process_not_allowed')
  t.is(error.details['pid'], String(pid ?? 'unknown'))
  t.regex(String(error.details['executable']), executable)
}

const cat = spawnSync('sh', ['-c', 'command -v cat'], { encoding: 'utf8' }).stdout.trim()

test('process check: an executable is allowed by its path, and by a link to it', async t => {
  const link = join(temporaryDirectory(t), 'cat')
  symlinkSync(cat, link)
  const pid = await startCat(t, cat)
  const throughLink = await startCat(t, link)
  for (const name of [cat, link]) {
    const check = checkFor({ allowed: ['/no/such/program', name] })
    t.notThrows(() => check(pid))
    t.notThrows(() => check(throughLink))
  }
})

test('process check: another executable and a copy of the right one are refused, whatever their name', async t => {
  const directory = temporaryDirectory(t)
  const copy = join(directory, basename(cat))
  copyFileSync(cat, copy)
  const check = checkFor({ allowed: [cat] })
  refuses(t, check, await startCat(t, copy), new RegExp(`^${copy}$`))
  refuses(t, check, await start(t, node, [write(directory, 'cat.js')]), /node .*cat\.js$/)
  // The first argument says cat, the kernel says node.
  const posing = spawn(node, ['-e', WAITING_SCRIPT], { argv0: cat, stdio: ['pipe', 'pipe', 'ignore'] })
  t.teardown(() => posing.kill('SIGKILL'))
  await once(posing.stdout, 'data')
  refuses(t, check, posing.pid, /node$/)
})

test('process check: an interpreter is allowed with the right script, however it is written', async t => {
  const directory = temporaryDirectory(t)
  const script = write(directory, 'real/agent.js')
  const link = join(directory, 'link.js')
  symlinkSync(script, link)
  const check = checkScript(script)
  const starts: [args: string[], cwd?: string][] = [
    [[script]],
    [[script, '--flag', 'evil.js']],
    [[link]],
    [['--no-warnings', '--unhandled-rejections', 'strict', '--max-old-space-size=64', script]],
    [['agent.js'], join(directory, 'real')],
    [['../real/agent.js'], join(directory, 'real')],
  ]
  for (const [args, cwd] of starts) {
    const pid = await start(t, node, args, cwd === undefined ? {} : { cwd })
    t.notThrows(() => check(pid), args.join(' '))
  }
})

test('process check: an interpreter with any other script is refused', async t => {
  const directory = temporaryDirectory(t)
  const script = write(directory, 'real/agent.js')
  const impostor = write(directory, 'impostor/agent.js')
  const hardLink = join(directory, 'agent.js')
  linkSync(script, hardLink)
  const copy = write(directory, 'copy/agent.js')
  const link = join(directory, 'link.js')
  symlinkSync(impostor, link)
  const titled = write(directory, 'titled.js', `process.title = ${JSON.stringify(`${node} ${script}`)}; ${WAITING_SCRIPT}`)
  const check = checkScript(script)
  const starts: [args: string[], options?: { cwd?: string; env?: NodeJS.ProcessEnv }][] = [
    [[impostor]],
    [[impostor, script]],
    [['--title', script, impostor]],
    [['agent.js'], { cwd: dirname(impostor) }],
    [[copy]],
    [[link]],
    [[hardLink]],
    [[titled]],
    [['-e', WAITING_SCRIPT, script]],
    [['--require', impostor, script]],
    [[script], { env: { ...process.env, NODE_OPTIONS: `--no-warnings --require ${impostor}` } }],
  ]
  for (const [args, options] of starts) refuses(t, check, await start(t, node, args, options), /node/)
})

pythonTest('process check: Python and shell scripts are told apart as well', async t => {
  const directory = temporaryDirectory(t)
  for (const [command, flags, code] of [['python3', ['-u', '-X', 'utf8'], 'import sys; print("ready", flush=True); sys.stdin.read()\n'], ['sh', [], 'echo ready; cat\n']] as const) {
    const probe = await start(t, command, ['-c', code])
    const executable = readProgram(probe)!.executable
    const script = write(directory, `real/${command}`, code)
    const check = checkScript(script, executable)
    const pid = await start(t, command, [...flags, script])
    t.notThrows(() => check(pid), command)
    refuses(t, check, await start(t, command, [write(directory, `impostor/${command}`, code), script]), /impostor/)
    refuses(t, check, probe, /./)
  }
})

test('process check: the agents that the broker started are allowed, the next process is not', async t => {
  const pid = await startCat(t, cat)
  const other = await startCat(t, cat)
  const check = checkFor({ allowed: [], isOwnAgent: candidate => candidate === pid })
  t.notThrows(() => check(pid))
  refuses(t, check, other, /cat/)
})

test('process check: a process that is gone, unknown, or of another namespace is refused', async t => {
  const child = spawn(cat, { stdio: 'ignore' })
  await once(child, 'exit')
  const check = checkFor({ allowed: [cat], isOwnAgent: () => false })
  for (const pid of [child.pid!, undefined, 0]) refuses(t, check, pid, /^an unknown program$/)
})

test('process check: a pid that changes hands while it is looked at says nothing', async t => {
  const pid = await startCat(t, cat)
  let reads = 0
  t.is(readProgram(pid, () => `start ${reads++}`), undefined)
  t.is(reads, 2)
  t.is(readProgram(pid)!.executable, realpathSync(cat))
})

test('process check: built-in names stand for this package, the operator\'s names go before them', async t => {
  const directory = temporaryDirectory(t)
  const script = write(directory, 'main.js')
  const builtIn = ownPrograms(script)
  t.deepEqual(Object.keys(builtIn), ['callboard-cli', 'openclaw-cli', 'callboard-gateway', 'openclaw-gateway'])
  const root = join(import.meta.dirname, '../../..')
  t.true(builtIn['callboard-cli']!.some(program => program.executable === node && program.script === join(root, 'bin/callboard.mjs')))
  const pid = await start(t, node, [script])
  t.notThrows(() => checkFor({ allowed: ['openclaw-gateway'], builtIn })(pid))
  refuses(t, checkFor({ allowed: ['openclaw-cli'], builtIn }), pid, /main\.js/)
  refuses(t, checkFor({ allowed: ['openclaw-gateway'], builtIn, processes: { 'openclaw-gateway': { executable: cat } } }), pid, /main\.js/)
})

test('process check: a name that stands for nothing is refused when the check is made', t => {
  const error = t.throws(() => checkFor({ allowed: ['ghost'], processes: { known: { executable: cat } } }), { instanceOf: BrokerError })
  t.is(error.code, 'config.invalid')
  t.regex(error.message, /"ghost".*known/)
})

// A program in a mount namespace of its own sees another file under the script's path.
if (spawnSync('unshare', ['-rm', 'true']).status === 0) {
  test('process check: a script that is another file in the process\'s own mount namespace is refused', async t => {
    const directory = temporaryDirectory(t)
    const script = write(directory, 'agent.js')
    const impostor = write(directory, 'impostor.js')
    const command = 'test -z "$2" || mount --bind "$2" "$1"; exec "$0" "$1"'
    const check = checkScript(script)
    const honest = await start(t, 'unshare', ['-rm', 'sh', '-c', command, node, script, ''])
    t.notThrows(() => check(honest))
    refuses(t, check, await start(t, 'unshare', ['-rm', 'sh', '-c', command, node, script, impostor]), /agent\.js/)
  })
}
