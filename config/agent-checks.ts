// What must hold between the keys of one agent.

import type { ConfigReport } from './report.ts'
import { pathText, shownText } from './shown.ts'
import { type KeyPath, nodeAt, type SourceNode } from './source.ts'

/** Reports what keys of the agent at `path` contradict each other. */
export function checkAgent(path: KeyPath, agent: SourceNode, report: ConfigReport): void {
  checkSecrets(path, agent, report)
  for (const [key, probe] of nodeAt(agent, ['probes'])?.members ?? []) checkProbe([...path, 'probes', Number(key)], probe, report)
  checkSchedule(path, agent, report)
  checkUser(path, agent, report)
}

function checkUser(path: KeyPath, { members }: SourceNode, report: ConfigReport): void {
  const [user, group] = ['user', 'group'].map(key => members.get(key))
  const text = pathText(path)
  if (group !== undefined && user === undefined) report.problem([...path, 'group'], group.keyOffset, `${text}.group is that of a user of its own, and there is none; name one with user`)
  const uid = process.getuid?.()
  if (user !== undefined && uid !== 0) report.problem([...path, 'user'], user.keyOffset, `${text}.user needs a broker of root, which alone may start programs as others, and you are uid ${uid ?? 'unknown'}; run it as root, or remove user`)
}

function checkSchedule(path: KeyPath, { members }: SourceNode, report: ConfigReport): void {
  const [schedule, timeZone, restart] = ['schedule', 'timeZone', 'restart'].map(key => members.get(key))
  const text = pathText(path)
  const instances = members.get('instances')
  if (schedule === undefined) {
    if (timeZone !== undefined) report.problem([...path, 'timeZone'], timeZone.keyOffset, `${text}.timeZone is that of a schedule, and there is none; remove it or give it a schedule`)
    return
  }
  if (typeof instances?.scalar === 'number' && instances.scalar > 1) report.problem([...path, 'instances'], instances.offset, `${text} has a schedule and ${instances.scalar} instances, which would all start at once; give it one, or make agents with times of their own`)
  if (restart !== undefined && restart.scalar !== 'permanent') return
  report.problem([...path, 'schedule'], schedule.keyOffset, `${text} has a schedule and would be started again whenever it ends (restart: permanent${restart === undefined ? ', the default' : ''}); write restart: transient (again after a crash) or temporary (once each time)`)
}

/** Keys that mean something to one kind of probe alone, and whether it needs them. */
const PROBE_KEYS: Readonly<Record<string, { readonly kind: string; readonly isNeeded: boolean }>> = {
  host: { kind: 'tcp', isNeeded: false },
  port: { kind: 'tcp', isNeeded: true },
  url: { kind: 'http', isNeeded: true },
  status: { kind: 'http', isNeeded: false },
  command: { kind: 'command', isNeeded: true },
}

function checkProbe(path: KeyPath, probe: SourceNode, report: ConfigReport): void {
  const kind = probe.members.get('kind')?.scalar
  if (typeof kind !== 'string') return
  for (const [key, { kind: owner, isNeeded }] of Object.entries(PROBE_KEYS)) {
    const given = probe.members.get(key)
    if (given !== undefined && kind !== owner) report.problem([...path, key], given.keyOffset, `${pathText([...path, key])} is for probes of kind ${owner}, and this one is ${shownText(kind)}; remove it`)
    if (given === undefined && kind === owner && isNeeded) report.problem(path, probe.offset, `${pathText(path)} is of kind ${kind} and has no ${key}; add it`)
  }
}

// The path of the copy goes before what the configuration says: nobody would see why.
function checkSecrets(path: KeyPath, agent: SourceNode, report: ConfigReport): void {
  const env = nodeAt(agent, ['env'])?.members
  for (const [name, secret] of nodeAt(agent, ['secrets'])?.members ?? []) {
    const variable = `${name}_FILE`
    if (env?.has(variable) === true) report.problem([...path, 'secrets', name], secret.keyOffset, `${pathText([...path, 'secrets', name])} is given in the variable ${variable}, which env has as well; remove one`)
  }
}
