// `callboard stop`: asks the process that holds the home to end in order, and waits until it has.

import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError } from '../../broker/ground/errors.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import { findWatchdog } from '../../watchdog/record.ts'
import type { Context } from '../context.ts'
import { Failure } from '../failure.ts'
import { formatDuration } from '../format.ts'
import { print, printJson } from '../output.ts'

interface StopOptions {
  readonly timeout: number
  readonly force?: true
}

// A process that is no child of this one cannot be waited for, only looked at.
const LOOK_MS = 20

export async function stop(context: Context, options: StopOptions): Promise<void> {
  const stopped = await stopHolder(context, options)
  if (context.isJson) return printJson(stopped)
  const watched = stopped.watchdog === undefined ? '' : ` and its watchdog (pid ${stopped.watchdog})`
  if (stopped.pid === 0) return print(`stopped the watchdog (pid ${stopped.watchdog}), which was about to start the broker again`)
  await print(`stopped the broker (pid ${stopped.pid})${watched}${stopped.isKilled ? '; it had to be killed' : ''}`)
}

interface Stopped {
  /** 0: the watchdog was just about to start it again. */
  readonly pid: number
  readonly isKilled: boolean
  readonly watchdog?: number
}

/**
 * Ends the broker of the home, and its watchdog; returns when their processes are gone.
 * @throws BrokerError `broker.not_running`
 * @throws Failure when it is still there after `timeout` ms and `force` is not set
 */
export async function stopHolder(context: Context, options: StopOptions): Promise<Stopped> {
  const holder = await findHolder(context.paths)
  const watchdog = findWatchdog(context.paths.home)
  if (holder === undefined && watchdog === undefined) throw new BrokerError('broker.not_running', { home: context.paths.home })
  if (holder?.pid === 0) throw new Failure({ code: 'broker.held', message: `somebody answers at ${holder.socket}, but no pid file says who`, hint: 'stop it where it was started; it may run in another container' })
  const pids = [...(holder === undefined ? [] : [holder.pid]), ...(watchdog === undefined ? [] : [watchdog.pid])]
  const areGone = pids.map(goneCheck)
  const hasGone = async (timeoutMs: number): Promise<boolean> => (await Promise.all(areGone.map(isGone => isGone(timeoutMs)))).every(Boolean)
  // The watchdog passes it on, and knows then that the broker ends because it was asked to.
  signal(watchdog?.pid ?? holder!.pid, 'SIGTERM')
  const stopped = { pid: holder?.pid ?? 0, ...(watchdog !== undefined && { watchdog: watchdog.pid }) }
  if (await hasGone(options.timeout)) return { ...stopped, isKilled: false }
  if (!options.force) {
    throw new Failure({ code: 'stop.timeout', message: `process ${pids[0]} still runs after ${formatDuration(options.timeout)}`, hint: 'wait longer with --timeout, kill it with --force, or see what it does: callboard logs' })
  }
  for (const pid of pids.toReversed()) signal(pid, 'SIGKILL')
  await hasGone(Infinity)
  return { ...stopped, isKilled: true }
}

function goneCheck(pid: number): (timeoutMs: number) => Promise<boolean> {
  const stamp = processStamp(pid)
  return async timeoutMs => {
    for (const endMs = performance.now() + timeoutMs; performance.now() < endMs; await delay(LOOK_MS)) {
      if (stamp === undefined || processStamp(pid) !== stamp) return true
    }
    return false
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ESRCH') return
    if (code === 'EPERM') throw new Failure({ code: 'permission.denied', message: `no permission to signal process ${pid}`, hint: 'run it as the user who started the broker' }, { cause: error })
    throw error
  }
}
