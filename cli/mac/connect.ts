// `callboard-mac connect`: prints the steps of a connection as they happen.

import type { ConnectOptions } from '../../client/index.ts'
import { socketPath } from '../../client/options.ts'
import type { Context } from '../context.ts'
import { Exit } from '../failure.ts'
import { formatDuration, printable } from '../format.ts'
import { marks } from '../checks/mark.ts'
import { print, printJson } from '../output.ts'
import { paint } from '../table.ts'
import { addressOf } from '../with-client.ts'
import { checkConnection, type Step } from './connection-check.ts'
import { explainProbe } from './open-probe.ts'

interface ConnectCommandOptions {
  readonly socket?: string
  readonly tokenFile?: string
  readonly timeout: number
}

const STEP_COLUMNS = 9
const TIME_COLUMNS = 9

/** Exit code 1 when a step fails; a warning alone leaves it 0. */
export async function connect(context: Context, { socket, tokenFile, timeout }: ConnectCommandOptions): Promise<void> {
  const target = { ...ambient(context), ...(socket !== undefined && { socket }), ...(tokenFile !== undefined && { tokenFile }) }
  const steps: Step[] = []
  for await (const step of checkConnection(target, timeout)) {
    steps.push(step)
    if (!context.isJson) await printStep(step)
  }
  const failed = steps.find(({ state }) => state === 'fail')
  if (context.isJson) await printJson({ ok: failed === undefined, socket: socketPath(target), steps })
  else await print(failed === undefined ? '\nthe connection works' : `\nthe connection fails at: ${failed.step}`)
  if (failed !== undefined) process.exitCode = Exit.failed
}

// The home may be one that this user cannot look into.
function ambient(context: Context): ConnectOptions {
  try {
    return addressOf(context)
  } catch (thrown) {
    throw explainProbe(thrown, undefined, context.paths.socket)
  }
}

async function printStep({ state, step, text, ms, remedy }: Step): Promise<void> {
  const time = ms === undefined ? '' : formatDuration(ms)
  await print(`${marks[state]}  ${step.padEnd(STEP_COLUMNS)}${time.padStart(TIME_COLUMNS)}  ${printable(text)}`)
  if (remedy !== undefined) await print(`${' '.repeat(4 + 2 + STEP_COLUMNS + TIME_COLUMNS + 2)}${paint('cyan', `→ ${printable(remedy)}`)}`)
}
