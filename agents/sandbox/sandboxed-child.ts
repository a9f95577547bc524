// Has a launcher become the agent: gives it the plan, and waits for what it says. Knows no actors and no restarts.

import { readFileSync } from 'node:fs'
import type { ChildProcess } from 'node:child_process'
import type { Socket } from 'node:net'
import { Deadline, type Deadlines } from '../../broker/ground/deadlines.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { SandboxReport } from '../../broker/ground/sandbox.ts'
import type { LauncherAnswer } from './launcher-answer.ts'
import type { SandboxPlan } from './plan.ts'

/** Descriptor of the launcher on which it and the broker talk. */
const LAUNCHER_CHANNEL = 3
/** It takes 100 ms on a quiet machine. */
const ANSWER_MS = 60_000
const MOST_ANSWER_BYTES = 65_536

/**
 * Resolves when the launcher is about to become the agent; its end, and killing it after an error, are left to the caller.
 * @throws BrokerError `sandbox.unavailable` with what is missing; Error with the system's code when the program cannot be executed;
 * `agent.failed` when the launcher broke
 */
export async function confined(agent: string, child: ChildProcess, plan: SandboxPlan, deadlines: Deadlines): Promise<SandboxReport> {
  const channel = child.stdio[LAUNCHER_CHANNEL] as Socket
  const overdue = new Deadline(() => channel.destroy(new Error(`no answer of the launcher within ${ANSWER_MS} ms`)))
  deadlines.set(overdue, ANSWER_MS)
  try {
    channel.write(`${JSON.stringify(plan)}\n`)
    return judge(agent, plan, await answerOf(channel))
  } finally {
    deadlines.cancel(overdue)
    // Programs that make namespaces keep their end for as long as the agent runs.
    channel.on('error', () => {}).destroy()
  }
}

async function answerOf(channel: Socket): Promise<LauncherAnswer> {
  let text = ''
  try {
    for await (const chunk of channel.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk
      if (text.endsWith('\n') || text.length > MOST_ANSWER_BYTES) break
    }
  } catch (error) {
    // One that ended with the plan unread resets the connection.
    return { failed: `the launcher ended without a word (${error instanceof Error ? error.message : String(error)}); its output is in the log` }
  }
  if (!text.endsWith('\n')) return { failed: 'the launcher ended without a word; its output is in the log' }
  return JSON.parse(text) as LauncherAnswer
}

function judge(agent: string, { settings }: SandboxPlan, answer: LauncherAnswer): SandboxReport {
  if ('report' in answer) return answer.report
  if ('missing' in answer) throw new BrokerError('sandbox.unavailable', { agent, level: settings.level, missing: answer.missing.join('; ') })
  if (/^E[A-Z]+$/.test(answer.failed)) throw Object.assign(new Error(answer.failed), { code: answer.failed })
  throw new BrokerError('agent.failed', { agent, problem: `cannot be confined: ${answer.failed}` })
}

/** The agent's own process: the last of those that stand around it, each of which has one child. */
export function innermost(pid: number): number {
  try {
    const [child, ...others] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(text => text !== '')
    return child === undefined || others.length > 0 ? pid : innermost(Number(child))
  } catch {
    // Kernels without that list: the outermost stands for all.
    return pid
  }
}
