// `--signal reload=1234`: tells a server that runs to do something.

import { readFileSync } from 'node:fs'
import { Failure } from '../failure.ts'
import { runningServers } from './throwaway-home.ts'

const signals: Readonly<Record<string, NodeJS.Signals>> = { stop: 'SIGKILL', quit: 'SIGINT', term: 'SIGTERM', reopen: 'SIGUSR1', reload: 'SIGHUP', ldm: 'SIGUSR2' }

/**
 * `command[=<pid>]`, the pid as a number or as a file that holds it; without it the one server that runs.
 * @throws Failure
 */
export function sendSignal(text: string): void {
  const [command = '', target, ...rest] = text.split('=')
  if (rest.length > 0) throw new Failure({ code: 'usage', message: `invalid signal parameters: [${rest.join(' ')}]` })
  const signal = Object.hasOwn(signals, command) ? signals[command] : undefined
  if (signal === undefined) throw new Failure({ code: 'usage', message: `unknown signal "${command}"`, hint: `known are ${Object.keys(signals).join(', ')}` })
  const pid = target === undefined || target === '' ? theOnlyServer() : pidOf(target)
  try {
    process.kill(pid, signal)
  } catch (error) {
    throw new Failure({ code: 'signal', message: `cannot signal process ${pid}: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
  }
}

function pidOf(target: string): number {
  const text = contentOf(target) ?? target
  // kill(2) takes 0 and negative numbers for groups of processes.
  if (!/^\s*[1-9]\d{0,9}\s*$/.test(text)) throw new Failure({ code: 'usage', message: `invalid pid: ${text.trim().slice(0, 64)}` })
  return Number(text)
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

function theOnlyServer(): number {
  const [pid, ...others] = runningServers()
  if (pid === undefined) throw new Failure({ code: 'signal', message: 'no nats-server processes running', hint: 'servers with a home of their own are found by their pid: --signal reload=<pid>' })
  if (others.length > 0) throw new Failure({ code: 'signal', message: `multiple nats-server processes running: ${[pid, ...others].join(', ')}`, hint: 'say which: --signal reload=<pid>' })
  return pid
}
