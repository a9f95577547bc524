// `callboard stop`: asks the process that holds the home to end in order, and waits until it has.

import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError } from '../../broker/ground/errors.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
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
  await print(`stopped the broker (pid ${stopped.pid})${stopped.isKilled ? '; it had to be killed' : ''}`)
}

/**
 * Ends the broker of the home; returns when its process is gone.
 * @throws BrokerError `broker.not_running`
 * @throws Failure when it is still there after `timeout` ms and `force` is not set
 */
export async function stopHolder(context: Context, options: StopOptions): Promise<{ pid: number; isKilled: boolean }> {
  const holder = await findHolder(context.paths)
  if (holder === undefined) throw new BrokerError('broker.not_running', { home: context.paths.home })
  if (holder.pid === 0) throw new Failure({ code: 'broker.held', message: `somebody answers at ${holder.socket}, but no pid file says who`, hint: 'stop it where it was started; it may run in another container' })
  const isGone = goneCheck(holder.pid)
  signal(holder.pid, 'SIGTERM')
  if (await isGone(options.timeout)) return { pid: holder.pid, isKilled: false }
  if (!options.force) {
    throw new Failure({ code: 'stop.timeout', message: `process ${holder.pid} still runs after ${formatDuration(options.timeout)}`, hint: 'wait longer with --timeout, kill it with --force, or see what it does: callboard logs' })
  }
  signal(holder.pid, 'SIGKILL')
  await isGone(Infinity)
  return { pid: holder.pid, isKilled: true }
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
