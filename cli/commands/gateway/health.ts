// `callboard gateway health`: how well the broker is, as a whole or part by part, and as an exit code.

import type { ApiAnswer, HealthPart } from '../../../client/index.ts'
import { marks } from '../../checks/mark.ts'
import type { Context } from '../../context.ts'
import { Exit } from '../../failure.ts'
import { plural, printable } from '../../format.ts'
import { formatMetric } from '../../metric-format.ts'
import { print, printJson } from '../../output.ts'
import { paint } from '../../table.ts'
import { withClient } from '../../with-client.ts'

type Health = ApiAnswer<'health'>

/** Exit code 1 when a part does not work; one that does, but not as it should, leaves it 0. */
export async function health(context: Context, options: { readonly detailed?: true }): Promise<void> {
  const answer = await withClient(context, client => client.call('health'))
  if (context.isJson) await printJson(answer)
  else await print(options.detailed ? formatHealth(answer) : summary(answer))
  if (answer.state === 'fail') process.exitCode = Exit.failed
}

/** A line per part, with the figures behind it, and a last one for the whole. */
export function formatHealth(answer: Health): string {
  const width = Math.max(...answer.parts.map(({ part }) => part.length))
  const lines = answer.parts.map(part => `${marks[part.state]}  ${printable(part.part).padEnd(width)}  ${printable(part.text)}${figures(part)}`)
  return [...lines, '', summary(answer)].join('\n')
}

function summary({ state, parts }: Health): string {
  const troubled = parts.filter(part => part.state !== 'ok')
  if (state === 'ok') return `${paint('green', 'ok')}: ${plural(parts.length, 'part')} looked at, all well`
  return `${paint(state === 'warn' ? 'yellow' : 'red', state)}: ${troubled.map(({ part, text }) => `${part}: ${text}`).map(printable).join('; ')}`
}

function figures({ values }: HealthPart): string {
  const shown = Object.entries(values).map(([name, value]) => `${name}=${formatMetric(name.replace(/Bytes$/, '_bytes').replace(/Ms$/, '_ms'), value)}`)
  return shown.length === 0 ? '' : `  ${paint('dim', printable(shown.join(' ')))}`
}
