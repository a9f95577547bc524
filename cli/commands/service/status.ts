// `callboard service status`: the unit, what the supervisor says of it, and the broker that it runs.

import { findHolder } from '../../../broker/ground/home-lock.ts'
import { homePaths } from '../../../broker/ground/home.ts'
import type { Context } from '../../context.ts'
import { Exit } from '../../failure.ts'
import { note, print, printJson } from '../../output.ts'
import { lineDiff } from '../../service/line-diff.ts'
import { scopeOf, type ServiceOptions } from '../../service/options.ts'
import { markedChoice, serviceSpec, type ServiceChoice } from '../../service/service-spec.ts'
import { supervisorOf } from '../../service/supervisor-of.ts'
import type { ServiceState } from '../../service/supervisor.ts'
import { formatFields } from '../../table.ts'
import { readUnit } from './install.ts'

interface Report {
  readonly supervisor: string
  readonly file: string
  readonly installed: boolean
  /** The unit is the one that would be written today, for the choices that it was made of; undefined: it is none of ours. */
  readonly current?: boolean | undefined
  readonly enabled?: boolean
  readonly running?: boolean
  readonly state?: string
  readonly home?: string | undefined
  readonly config?: string | undefined
  /** Of the broker that has that home, whoever started it; 0: unknown. */
  readonly pid?: number | undefined
  readonly problem?: string | undefined
}

export async function showService(context: Context, options: ServiceOptions): Promise<void> {
  const supervisor = supervisorOf(options.supervisor, scopeOf(options))
  const { file, name } = supervisor
  const unit = readUnit(file)
  const choice = unit === undefined ? undefined : markedChoice(unit)
  const today = choice === undefined ? undefined : supervisor.text(serviceSpec(scopeOf(options), choice))
  const problem = await supervisor.problem()
  const state = unit === undefined || problem !== undefined ? undefined : await supervisor.state()
  const holder = choice === undefined ? undefined : await findHolder(homePaths(choice.home))
  const report: Report = {
    supervisor: name,
    file,
    installed: unit !== undefined,
    ...(today !== undefined && { current: today === unit }),
    ...(state !== undefined && { enabled: state.isEnabled, running: state.isRunning, state: state.text }),
    ...(choice !== undefined && { home: choice.home, config: choice.config }),
    ...(holder !== undefined && { pid: holder.pid }),
    ...(problem !== undefined && { problem }),
  }
  await (context.isJson ? printJson(report) : print(formatReport(report, choice, state)))
  if (today !== undefined && unit !== undefined && today !== unit && !context.isJson) note(`the unit is another one than would be written today; bring it up to date with: callboard service install --force\n${lineDiff(unit, today).join('\n')}`)
  process.exitCode = report.running === true ? Exit.ok : Exit.failed
}

function formatReport(report: Report, choice: ServiceChoice | undefined, state: ServiceState | undefined): string {
  const yes = (is: boolean | undefined): string => (is === undefined ? 'unknown' : is ? 'yes' : 'no')
  const { file, installed, current, enabled, pid, problem, supervisor } = report
  return formatFields([
    ['supervisor', problem === undefined ? supervisor : `${supervisor}: ${problem}`],
    ['installed', installed ? file : `no, ${file} is not there`],
    ...(installed ? ([['up to date', current === undefined ? 'it was not written by callboard service install' : yes(current)], ['enabled', yes(enabled)], ['state', state?.text ?? 'unknown']] as const) : []),
    ...(choice === undefined ? [] : ([['home', choice.home], ['config', choice.config ?? 'that of the home']] as const)),
    ...(choice === undefined ? [] : ([['broker', brokerText(pid, state)]] as const)),
  ])
}

function brokerText(pid: number | undefined, state: ServiceState | undefined): string {
  if (pid === undefined) return 'does not run'
  if (state?.pid === pid) return `pid ${pid}`
  return `pid ${pid === 0 ? 'unknown' : pid}, which the service has not started`
}
