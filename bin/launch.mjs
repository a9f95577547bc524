// Runs an entry of the command line on a Node that can. Plain JavaScript of Node 18: it must parse where the rest does not.

/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access, typescript/no-unsafe-return -- plain JavaScript: nothing here has types */
import { existsSync, lstatSync, mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

const NEEDED_MAJOR = 24

/**
 * Bounds the young generation of a broker's main thread. With V8's own it grows to 64 MiB and keeps as much in its pool: 394 MiB resident instead
 * of 268 when 150,000 messages had gone through a queue. Only for a process that begins with it: V8 does not take it later.
 */
const YOUNG = '--max-semi-space-size=8'

/** Runs `entry`, a module's path from the package's root without its ending, in this process or on the bundled Node. */
export async function launch(entry) {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) {
    if (mayBound()) await becomeNode(process.execPath, process.execArgv)
    const folder = compileCacheFolder()
    if (folder !== undefined) (await import('node:module')).enableCompileCache(folder)
    // In a checkout the sources run as they are; the package holds what was built of them.
    const source = new URL(`../${entry}.ts`, import.meta.url)
    await import(existsSync(source) ? source.href : new URL(`../dist/${entry}.js`, import.meta.url).href)
    return
  }
  const node = bundledNode()
  if (node === undefined) {
    const os = process.platform === 'win32' ? 'win' : process.platform
    console.error(`error: callboard needs Node ${NEEDED_MAJOR} or newer, this is ${process.version}, and the bundled one (package node-${os}-${process.arch}) is not installed`)
    console.error(`hint: install callboard without --omit=optional, or install Node ${NEEDED_MAJOR} from https://nodejs.org`)
    process.exit(2)
  }
  await runOn(node)
}

/**
 * Where compiled code is kept: in a folder of this user alone. Node's own choice is one below /tmp that anybody may have made, with code in it
 * that would be run here. Undefined where there is none: then each start compiles anew.
 */
function compileCacheFolder() {
  try {
    const { XDG_CACHE_HOME: chosen = '' } = process.env
    const folder = join(isAbsolute(chosen) ? chosen : join(homedir(), '.cache'), 'callboard', 'compiled')
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (process.platform === 'win32') return folder
    const { uid, mode } = lstatSync(folder)
    return uid === process.geteuid() && (mode & 0o022) === 0 ? folder : undefined
  } catch {
    return undefined
  }
}

/** Path of the Node that was installed with this package, or undefined where there is none for this system. */
function bundledNode() {
  const windows = process.platform === 'win32'
  const name = `node-${windows ? 'win' : process.platform}-${process.arch}`
  try {
    return createRequire(import.meta.url).resolve(`${name}/bin/node${windows ? '.exe' : ''}`)
  } catch {
    return undefined
  }
}

/** Words with which a start ends at once, or goes on in another process. */
const NO_BROKER = ['--detach', '-d', '--watchdog', '-w', '--help', '-h']

/** A broker that starts here, 50 ms later for it. Not where V8's own was chosen, and not with a channel to its parent, which would break. */
function mayBound() {
  const isBounded = /--max[-_]semi[-_]space[-_]size/.test(`${process.execArgv.join(' ')} ${process.env.NODE_OPTIONS ?? ''}`)
  return commandOf(process.argv.slice(2)) === 'start' && !NO_BROKER.some(word => process.argv.includes(word)) && !isBounded && process.channel === undefined
}

/** The first word that is no option; `--home` alone has a value as a word of its own before it. */
function commandOf(words) {
  return words.find((word, i) => !word.startsWith('-') && words[i - 1] !== '--home')
}

/** Returns where that cannot be done. Whoever started this process knows it by its pid, and signals it by that. */
async function becomeNode(node, options) {
  const { become } = await import('./become.mjs')
  become(node, [...options, YOUNG, ...process.argv.slice(1)])
}

/** Runs this same command line on `node` and ends as it ends. */
async function runOn(node) {
  await becomeNode(node, [])
  const { spawn } = await import('node:child_process')
  const child = spawn(node, [YOUNG, ...process.argv.slice(1)], { stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']) process.on(signal, () => child.kill(signal))
  child.once('error', error => {
    console.error(`error: cannot run ${node}: ${error.message}`)
    process.exit(2)
  })
  child.once('exit', (code, signal) => {
    if (signal === null) process.exit(code)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
