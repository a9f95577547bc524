// What must hold between agents: names that they give each other, and that nobody waits for himself.

import { dependencyOrder } from '../broker/ground/dependency-order.ts'
import { nearest } from '../broker/ground/nearest.ts'
import type { ConfigReport } from './report.ts'
import { pathText, shownText } from './shown.ts'
import type { KeyPath, SourceNode } from './source.ts'

interface Agent {
  readonly path: KeyPath
  readonly node: SourceNode
  readonly name: string
  readonly dependsOn: readonly string[]
}

/** Reports agents that depend on what is not there, or on themselves, and groups that nobody declared. */
export function checkFleet(root: SourceNode, report: ConfigReport): void {
  const agents = [...(root.members.get('agents')?.members ?? [])].map(([key, node]): Agent => ({ path: ['agents', Number(key)], node, name: textOf(node.members.get('name')), dependsOn: [...(node.members.get('dependsOn')?.members.values() ?? [])].map(textOf) }))
  const groups = [...(root.members.get('agentGroups')?.members.values() ?? [])].map((group) => textOf(group.members.get('name')))
  for (const agent of agents) {
    checkDependencies(agent, agents, report)
    const group = agent.node.members.get('agentGroup')
    if (group !== undefined && textOf(group) !== '') checkKnown([...agent.path, 'agentGroup'], group, groups, 'agentGroups', report)
  }
  const found = dependencyOrder(agents)
  if ('order' in found) return
  const { path, node } = agents.find(({ name }) => name === found.cycle[0])!
  report.problem([...path, 'dependsOn'], node.members.get('dependsOn')!.offset, `${pathText([...path, 'dependsOn'])} goes round in a circle: ${found.cycle.join(' needs ')}; take one of these out`)
}

function checkDependencies({ path, node }: Agent, agents: readonly Agent[], report: ConfigReport): void {
  const names = agents.map(({ name }) => name)
  for (const [key, other] of node.members.get('dependsOn')?.members ?? []) {
    const place = [...path, 'dependsOn', Number(key)]
    checkKnown(place, other, names, 'agents', report)
    const agent = agents.find(({ name }) => name === other.scalar)
    if (agent?.node.members.has('schedule') === true) report.problem(place, other.offset, `${pathText(place)} is ${shownText(agent.name)}, which has a schedule and is mostly down: nobody can wait for it; take it out`)
  }
}

function checkKnown(path: KeyPath, { scalar, offset }: SourceNode, known: readonly string[], block: string, report: ConfigReport): void {
  if (typeof scalar !== 'string' || known.includes(scalar)) return
  const near = nearest(scalar, known)
  report.problem(path, offset, `${pathText(path)} is ${shownText(scalar)}, which no entry of ${block} has as its name; ${near === undefined ? `known are ${known.length === 0 ? 'none' : known.join(', ')}` : `did you mean "${near}"?`}`)
}

function textOf(node: SourceNode | undefined): string {
  return typeof node?.scalar === 'string' ? node.scalar : ''
}
