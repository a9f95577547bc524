// `callboard service install`: writes the unit, enables it and starts the broker. Done again it changes nothing.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { findUser } from '../../../agents/unix-user.ts'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { findHolder } from '../../../broker/ground/home-lock.ts'
import { isCode } from '../../../broker/ground/home.ts'
import { loadConfigOf } from '../../../config/load.ts'
import { confirm } from '../../confirm.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { note, print, printJson } from '../../output.ts'
import { lineDiff } from '../../service/line-diff.ts'
import { changing, runAll, scopeOf, type ServiceOptions } from '../../service/options.ts'
import { isInCache, serviceSpec, type ServiceSpec } from '../../service/service-spec.ts'
import { supervisorOf } from '../../service/supervisor-of.ts'
import type { Supervisor } from '../../service/supervisor.ts'

interface InstallOptions extends ServiceOptions {
  readonly config?: string
  readonly runAs?: string
}

export async function installService(context: Context, options: InstallOptions): Promise<void> {
  const scope = scopeOf(options)
  if (options.runAs !== undefined && scope === 'user') throw Failure.usage('--run-as is for a service of the machine', 'add --system, or install it as that user')
  if (options.runAs !== undefined) checkAccount(options.runAs)
  const { home } = context.paths
  const config = options.config === undefined ? undefined : resolve(options.config)
  // A service whose broker cannot start is not installed.
  await loadConfigOf({ home, file: config })
  const spec = serviceSpec(scope, { home, config, account: options.runAs })
  const supervisor = supervisorOf(options.supervisor, scope)
  const text = supervisor.text(spec)
  if (options.dryRun) return dryRun(context, supervisor, text)
  const problem = await supervisor.problem()
  if (problem !== undefined) {
    note(`# ${supervisor.file}\n${text}`)
    throw new BrokerError('service.no_supervisor', { problem })
  }
  await refuseHeld(context, supervisor)
  const before = readUnit(supervisor.file)
  if (before !== undefined && before !== text && !options.force) await mayReplace(supervisor.file, before, text)
  if (before !== text) changing(supervisor.file, () => writeUnit(supervisor.file, text))
  await runAll(supervisor, supervisor.install)
  await told(context, supervisor, spec, before === undefined ? 'installed' : before === text ? 'unchanged' : 'replaced')
}

/** The service would end at each start, where nobody looks. */
function checkAccount(account: string): void {
  if (!/^[a-z_][a-z0-9_.-]*\$?$/i.test(account)) throw Failure.usage(`--run-as: ${JSON.stringify(account)} is no name of an account`, 'name an account of this machine, as in: getent passwd')
  // Elsewhere accounts stand in no file, and nothing is asked for them.
  if (process.platform !== 'linux') return
  try {
    findUser(account, undefined)
  } catch (error) {
    throw Failure.usage(`--run-as: ${error instanceof Error ? error.message : String(error)}`, `make it first, as by: useradd --system ${account}`)
  }
}

async function dryRun(context: Context, { file, install }: Supervisor, text: string): Promise<void> {
  if (context.isJson) return printJson({ file, text, commands: install })
  await print(`# ${file}\n${text}\n# then\n${install.map(words => words.join(' ')).join('\n')}`)
}

/** The service's start would end with exit code 3 where another broker has the home. */
async function refuseHeld({ paths }: Context, supervisor: Supervisor): Promise<void> {
  const holder = await findHolder(paths)
  if (holder !== undefined && !(await supervisor.state()).isRunning) throw new BrokerError('broker.held', { home: paths.home, pid: holder.pid === 0 ? 'unknown' : String(holder.pid) })
}

/** @throws BrokerError `service.differs` where nobody can be asked, or the answer is no */
async function mayReplace(file: string, before: string, text: string): Promise<void> {
  note(`${file} would change:\n${lineDiff(before, text).join('\n')}`)
  const differs = new BrokerError('service.differs', { file, problem: 'is another one than would be written' })
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw differs
  if (!(await confirm('Replace it?', 'add --force'))) throw differs
}

async function told(context: Context, supervisor: Supervisor, spec: ServiceSpec, done: 'installed' | 'unchanged' | 'replaced'): Promise<void> {
  const { file, remark } = supervisor
  if (isInCache(spec)) note('warning: this copy of callboard is in a cache that npm may empty; install it for good, with npm install --global callboard, and install the service again')
  if (spec.scope === 'system' && spec.account === undefined) note('warning: the broker and its agents run as root; name another user with --run-as')
  if (context.isJson) return printJson({ file, done })
  await print({ installed: `installed ${file}; the broker was started`, unchanged: `${file} is as it should be`, replaced: `replaced ${file}; a broker that ran goes on as it was started, until the service is restarted` }[done])
  if (remark !== undefined && done === 'installed') await print(remark)
}

/** undefined: there is none. */
export function readUnit(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined
    throw error
  }
}

function writeUnit(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, text, { mode: 0o644 })
  renameSync(draft, file)
}
