// `callboard status`: whether the broker runs, and how it is; with --verbose also how well, or why it is down.

import { BrokerError } from '../../broker/ground/errors.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import type { ApiAnswer } from '../../client/index.ts'
import { findWatchdog, type WatchdogRecord } from '../../watchdog/record.ts'
import type { Finding } from '../checks/finding.ts'
import { busFields } from '../bus-view.ts'
import { clusterFields, leaseFields } from '../cluster-view.ts'
import type { Context } from '../context.ts'
import { formatBytes, formatCount, formatDuration } from '../format.ts'
import { queuesFields } from '../queue-view.ts'
import { note, print, printJson } from '../output.ts'
import { formatFields, paint } from '../table.ts'
import { withClient } from '../with-client.ts'

interface StatusOptions {
  readonly verbose?: true
}

type Status = ApiAnswer<'status'>

const MS_PER_SECOND = 1000

/** @throws BrokerError `broker.not_running`, which ends the command with exit code 1; with `verbose` after what is known of the reason */
export async function status(context: Context, options: StatusOptions): Promise<void> {
  // Where a broker at a URL has its home is not known here.
  const isHere = context.url === undefined
  if (isHere && (await findHolder(context.paths)) === undefined) {
    if (options.verbose) await explainDown(context)
    const watchdog = findWatchdog(context.paths.home)
    if (watchdog !== undefined) note(`watchdog: ${watchdogText(watchdog)}`)
    throw new BrokerError('broker.not_running', { home: context.paths.home })
  }
  if (!options.verbose) {
    const now = await withClient(context, client => client.call('status'))
    const watchdog = isHere ? findWatchdog(context.paths.home) : undefined
    return context.isJson ? printJson({ ...now, ...(watchdog !== undefined && { watchdog }) }) : print(formatStatus(now, watchdog))
  }
  await explainRunning(context, isHere)
}

async function explainRunning(context: Context, isHere: boolean): Promise<void> {
  const [now, health] = await withClient(context, client => Promise.all([client.call('status'), client.call('health')]))
  const reasons = isHere ? await reasonsOf(context, now) : undefined
  const watchdog = isHere ? findWatchdog(context.paths.home) : undefined
  if (context.isJson) return printJson({ ...now, ...(watchdog !== undefined && { watchdog }), health, ...reasons })
  const { formatHealth } = await import('./gateway/health.ts')
  await print(`${formatStatus(now, watchdog)}\n\n${formatHealth(health)}\n`)
  if (reasons !== undefined) await printReasons(reasons)
}

async function explainDown(context: Context): Promise<void> {
  const reasons = await reasonsOf(context, undefined)
  await (context.isJson ? printJson({ running: false, ...reasons }) : printReasons(reasons))
}

interface Reasons {
  readonly checks: readonly Finding[]
  readonly problems: readonly string[]
  readonly complaints: readonly string[]
}

/** What files, log and port say; `running` is what the broker itself does. Loaded only when asked for: it reads the configuration. */
async function reasonsOf(context: Context, running: Status | undefined): Promise<Reasons> {
  const [{ checkHome }, { checkConfig }, { checkGateway, checkNats }, { readRunLog }, { readStartRecord }] = await Promise.all([
    import('../checks/home.ts'),
    import('../checks/config.ts'),
    import('../checks/ports.ts'),
    import('../checks/run-log.ts'),
    import('../start-record.ts'),
  ])
  const { config } = readStartRecord(context.paths)
  const { findings, problems, complaints } = await readRunLog(context, running !== undefined)
  const checks: Finding[] = []
  // One that runs with a port says where itself; it may have been started with another one than it would be now.
  const wanted = [checkHome, checkConfig, ...(running?.gateway === undefined ? [checkGateway] : []), ...(running?.nats === undefined ? [checkNats] : [])]
  for (const check of wanted) for await (const finding of check(context, config)) checks.push(finding)
  return { checks: [...checks, ...findings], problems, complaints: running === undefined ? complaints : [] }
}

async function printReasons({ checks, problems, complaints }: Reasons): Promise<void> {
  const { printFinding } = await import('../finding-view.ts')
  for (const finding of checks) await printFinding(finding)
  for (const [title, lines] of [['the latest problems in the log of that run', problems], ['what it said when it was last started in the background', complaints]] as const) {
    if (lines.length > 0) await print(`\n${paint('dim', title)}\n${lines.join('\n')}`)
  }
}

function formatStatus(now: Status, watchdog: WatchdogRecord | undefined): string {
  const { host } = now
  return formatFields([
    ['broker', `${now.broker}, incarnation ${now.incarnation}, version ${now.version}`],
    ['phase', now.phase],
    ['pid', String(now.pid)],
    ['up', formatDuration(now.uptimeMs)],
    ...(watchdog === undefined ? [] : [['watchdog', watchdogText(watchdog)] as const]),
    ['home', now.home],
    ['socket', now.socket],
    ['gateway', now.gateway ?? now.gatewayProblem ?? 'not configured'],
    ['nats', now.nats ?? now.natsProblem ?? 'not configured'],
    ...(now.bus === undefined ? [] : [...busFields(now.bus), ...clusterFields(now.bus.cluster)]),
    ...leaseFields(now.leases),
    ['connections', formatCount(now.connections)],
    ['channels', formatCount(now.channels)],
    ...(now.queues === undefined ? [] : queuesFields(now.queues)),
    ['agents', formatCount(now.agents)],
    ['memory', `${formatBytes(now.rssBytes)} resident, ${formatBytes(now.heapBytes)} heap`],
    ['cpu', `${formatDuration(now.cpuSeconds * MS_PER_SECOND)} used`],
    ['host', `${host.name}, ${host.cpus} cpus, load ${host.loadAverage.map(load => load.toFixed(2)).join(' ')}, ${formatBytes(host.freeMemoryBytes)} of ${formatBytes(host.memoryBytes)} free`],
  ])
}

/** `pid 7, has started the broker 2 times again, last 5 s ago: killed by SIGKILL`. */
function watchdogText({ pid, restarts, last }: WatchdogRecord): string {
  if (last === undefined) return `pid ${pid}, has had nothing to do`
  return `pid ${pid}, has started the broker again ${restarts === 1 ? 'once' : `${formatCount(restarts)} times`}, last ${formatDuration(Date.now() - last.at)} ago: ${last.how}`
}
