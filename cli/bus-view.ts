// Shows the link to NATS servers, through which a broker is joined to others.

import type { ApiAnswer } from '../client/index.ts'
import type { Finding } from './checks/finding.ts'
import { formatCount, formatDuration, plural } from './format.ts'

type Bus = NonNullable<ApiAnswer<'status'>['bus']>

/** Where the link stands, for a table of fields. */
export function busFields(bus: Bus): (readonly [string, string])[] {
  return [
    ['link', linkText(bus)],
    ['bus', busText(bus)],
  ]
}

/** Where it stands in one line. */
function linkText({ state, server, serverName, sinceMs, rttMs, problem, peers }: Bus): string {
  const since = formatDuration(sinceMs)
  if (state === 'joined') return `joined ${server}${serverName === undefined ? '' : ` (${serverName})`} for ${since}, round trip ${formatDuration(rttMs)}, ${plural(peers, 'other broker')}`
  return `${state === 'waiting' ? 'no server, tries again' : 'looks for a server'}, for ${since}${problem === undefined ? '' : `: ${problem}`}`
}

function busText({ patterns, groups, forwarded, held, lost, strays, late, unsent }: Bus): string {
  const numbers = [`${plural(patterns, 'pattern')} and ${plural(groups, 'group')} wanted`, `${formatCount(forwarded)} forwarded`, `${formatCount(held)} waiting`]
  const losses = { 'lost without a link': lost.down, 'in flight when it broke': lost.unknown, strays, late, unsent }
  for (const [what, count] of Object.entries(losses)) if (count > 0) numbers.push(`${formatCount(count)} ${what}`)
  return numbers.join(', ')
}

/** What `doctor` says of it. */
export function linkFinding(bus: Bus): Finding {
  const check = 'link'
  if (bus.state === 'joined') return { check, state: 'ok', text: linkText(bus) }
  return { check, state: 'warn', text: linkText(bus), remedy: 'messages for other brokers wait or are lost meanwhile; check bus.nats in the config, and the servers: nats-server --help, or their monitoring port' }
}
