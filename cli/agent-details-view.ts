// Shows all that is known of one agent: what the configuration says, then each of its instances.

import type { AgentDetails, AgentShown, ShownAgentSettings } from '../client/index.ts'
import { formatBytes, formatCount, formatDateTime, formatDuration, plural } from './format.ts'
import { textOf } from './log-line.ts'
import { formatFields, paint } from './table.ts'

type Fields = (readonly [name: string, value: string])[]

export function formatAgentShown({ settings, instances }: AgentShown): string {
  return [formatFields(settingFields(settings)), ...instances.map((instance) => `${paint('bold', instance.info.name)}\n${formatFields(instanceFields(instance))}`)].join('\n\n')
}

// Those that every agent has have words of their own; what else it has is shown as the configuration names it.
function settingFields({ name, command, args, env, secrets, cwd, restart, backoff, shutdownMs, sandbox, ...rest }: ShownAgentSettings): Fields {
  return [
    ['agent', name],
    ['command', [command, ...args.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)))].join(' ')],
    ['directory', cwd ?? 'that of the configuration'],
    ['variables', env.join(', ') || '-'],
    ['secrets', secrets.join(', ') || '-'],
    ['restart', `${restart}, after ${formatDuration(backoff.initialMs)} to ${formatDuration(backoff.maxMs)}`],
    ['shutdown', formatDuration(shutdownMs)],
    ['sandbox', sandbox === undefined || sandbox.level === 'none' ? 'none' : Object.entries(sandbox).filter(([, value]) => value !== undefined).map(([key, value]) => `${key} ${textOf(value)}`).join(', ')],
    ...Object.entries(rest).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)).map(([key, value]) => [key, textOf(value)] as const),
  ]
}

function instanceFields({ info, connections, registered, crashes }: AgentDetails): Fields {
  const { phase, pid, incarnation, restarts, ageMs, residentBytes, cpuMs, lastExit, sandbox, health, problem, probes = [], quarantine, waitsFor, drained, name: _, agent: __, instance: ___, ...rest } = info
  return [
    ['phase', drained === true ? `${phase}, drained; callboard agent restart ${info.name} brings it back` : phase === 'exited' ? phase : `${phase}, for ${formatDuration(Math.floor(ageMs))}`],
    ['process', pid === undefined ? '-' : [`pid ${pid}`, ...(residentBytes === undefined ? [] : [`${formatBytes(residentBytes)} resident`]), ...(cpuMs === undefined ? [] : [`${formatDuration(cpuMs)} of processor time`])].join(', ')],
    ['incarnation', `${formatCount(incarnation)}, ${plural(restarts, 'restart')}${lastExit === undefined ? '' : `, last exit ${lastExit}`}`],
    ...(quarantine === undefined ? [] : [['quarantine', `since ${formatDateTime(quarantine.since)}: ${quarantine.reason}; callboard agent restart ${info.name} ends it`] as const]),
    ...(waitsFor === undefined ? [] : [['waits for', waitsFor.join(', ')] as const]),
    ...(health === undefined && problem !== undefined ? [['problem', problem] as const] : []),
    ...(health === undefined ? [] : [['health', problem === undefined ? health : `${health}: ${problem}`] as const]),
    ...probes.map((probe) => ['  probe', `${[probe.kind, probe.target].filter(Boolean).join(' ')}: ${probe.health} since ${formatDateTime(probe.since)}${probe.problem === undefined ? '' : `; ${probe.problem}`}`] as const),
    ...(sandbox === undefined ? [] : [['sandbox', sandbox.missing.length === 0 ? sandbox.achieved : `${sandbox.achieved} (asked: ${sandbox.asked}; missing: ${sandbox.missing.join('; ')})`] as const]),
    ...Object.entries(sandbox?.parts ?? {}).map(([part, by]) => [`  ${part}`, by] as const),
    // Its schedule, version, what was changed and the like, as far as it has them.
    ...Object.entries(rest).filter(([, value]) => value !== undefined).map(([key, value]) => [key, textOf(value)] as const),
    ...connections.map((each) => ['connection', `${each.id}, ${each.client}, ${each.transport} ${each.dialect}; ${formatCount(each.in.messages)} in, ${formatCount(each.out.messages)} out, ${formatCount(each.out.pendingMessages)} pending, ${formatCount(each.dropped)} dropped, ${plural(each.openRequests, 'open request')}`] as const),
    ...(connections.length === 0 ? [['connection', 'none'] as const] : []),
    ...registered.map((each) => ['registered', `${each.name} ${each.version}, ${each.reachable ? each.health : `${each.health}, unreachable`}; ${formatCount(each.outstanding)} open, ${plural(each.requests, 'request')}, ${formatCount(each.failures)} failed${each.capabilities.length === 0 ? '' : `; ${each.capabilities.join(', ')}`}`] as const),
    ...crashes.map((each) => ['crash', `${formatDateTime(each.time)}  ${each.reason}  ${each.id}`] as const),
  ]
}
