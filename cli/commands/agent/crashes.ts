// `callboard agent crashes`: how an agent ended when it did so unasked or badly. Works while the broker is down, from the home.

import { BrokerError, type CrashReport } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatCrash, formatCrashes } from '../../crash-view.ts'
import { Failure } from '../../failure.ts'
import { note, print, printJson } from '../../output.ts'
import { withClient } from '../../with-client.ts'

interface CrashesOptions {
  readonly last?: true
  readonly report?: string
}

export async function agentCrashes(context: Context, { last, report }: CrashesOptions, words: readonly string[]): Promise<void> {
  const name = words[0]!
  const crashes = await crashesOf(context, name, report)
  if (last !== true && report === undefined) {
    if (context.isJson) return printJson({ crashes })
    return print(crashes.length === 0 ? `no crash of ${name} is kept` : formatCrashes(crashes))
  }
  const crash = report === undefined ? crashes[0] : crashes.find(({ id }) => id === report)
  if (crash === undefined) throw new Failure({ code: 'agent.no_report', message: report === undefined ? `no crash of ${name} is kept` : `no report "${report}" of ${name} is kept`, hint: `callboard agent crashes ${name} lists those that are; the last 10 of each agent` })
  await (context.isJson ? printJson(crash) : print(formatCrash(crash)))
}

async function crashesOf(context: Context, name: string, report: string | undefined): Promise<readonly CrashReport[]> {
  try {
    return (await withClient(context, client => client.call('agent.crashes', { name, ...(report !== undefined && { report }) }))).crashes
  } catch (error) {
    if (context.url !== undefined || !(error instanceof BrokerError) || (error.code !== 'connect.no_socket' && error.code !== 'connect.refused')) throw error
    note('no broker answers; these are the reports in its home')
    const { readCrashes } = await import('../../../agents/crashes/crash-files.ts')
    const reports = await readCrashes(context.paths.crashes, name.split('/', 1)[0]!)
    return name.includes('/') ? reports.filter(({ instance }) => instance === name) : reports
  }
}
