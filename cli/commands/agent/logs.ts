// `callboard agent logs`: what an agent printed last, and what it prints from now on.

import { setTimeout as delay } from 'node:timers/promises'
import { BrokerError, type AgentLogLine, type AgentLogsAnswer, type Client } from '../../../client/index.ts'
import { formatAgentLine } from '../../agent-line.ts'
import type { Context } from '../../context.ts'
import { interruption } from '../../interrupt.ts'
import { note, print, printJson } from '../../output.ts'
import { paint } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface LogsOptions {
  readonly lines?: number
  readonly follow?: true
}

const LINES_BEFORE_FOLLOWING = 10
/** Most that the broker gives at once. */
const ALL_LINES = 1000
/** The broker keeps 200 lines of each instance: of one that writes faster than 800 a second some are passed over. */
const LOOK_MS = 250

export async function agentLogs(context: Context, { lines, follow }: LogsOptions, words: readonly string[]): Promise<void> {
  const name = words[0]!
  const limit = Math.min(ALL_LINES, lines ?? (follow === true ? LINES_BEFORE_FOLLOWING : 200))
  if (follow === true) return withClient(context, client => followLines(context, client, name, limit), { retry: { maxRetries: Infinity } })
  const answer = await withClient(context, client => client.call('agent.logs', { name, lines: limit }))
  if (context.isJson) return printJson(answer)
  if (answer.lines.length === 0) return print('it has printed nothing yet')
  await new Printer(context).print(answer.lines)
}

/** Until Ctrl-C; waits for a broker that restarts. */
async function followLines(context: Context, client: Client, name: string, limit: number): Promise<void> {
  const signal = interruption()
  const printer = new Printer(context)
  let answer: AgentLogsAnswer | undefined = await client.call('agent.logs', { name, lines: limit })
  let { incarnation } = answer
  let after = 0
  for (;;) {
    if (answer !== undefined) {
      // Another broker counts from 0 again, so that its first lines have numbers that were seen.
      if (answer.incarnation !== incarnation) answer = await look(client, name, (after = 0))
      await printer.print(answer?.lines ?? [])
      after = answer?.lines.at(-1)?.seq ?? after
      incarnation = answer?.incarnation ?? incarnation
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    answer = await look(client, name, after)
  }
}

/** undefined: the broker is gone, and may come back. */
async function look(client: Client, name: string, after: number): Promise<AgentLogsAnswer | undefined> {
  if (!client.isConnected) return undefined
  try {
    return await client.call('agent.logs', { name, lines: ALL_LINES, after })
  } catch (error) {
    if (error instanceof BrokerError && error.retryable && !client.isConnected) return undefined
    throw error
  }
}

class Printer {
  readonly #context: Context
  readonly #starts = new Map<string, number>()

  constructor(context: Context) {
    this.#context = context
  }

  async print(lines: readonly AgentLogLine[]): Promise<void> {
    for (const line of lines) {
      if (this.#context.isJson) await printJson(line)
      else {
        const before = this.#starts.get(line.instance)
        if (before !== undefined && before !== line.start) note(paint('dim', `${line.instance} was started anew`))
        await print(formatAgentLine(line))
      }
      this.#starts.set(line.instance, line.start)
    }
  }
}
