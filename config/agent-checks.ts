// What must hold between the keys of one agent.

import type { ConfigReport } from './report.ts'
import { pathText } from './shown.ts'
import { type KeyPath, nodeAt, type SourceNode } from './source.ts'

/** Reports what keys of the agent at `path` contradict each other. */
export function checkAgent(path: KeyPath, agent: SourceNode, report: ConfigReport): void {
  checkSecrets(path, agent, report)
}

// The path of the copy goes before what the configuration says: nobody would see why.
function checkSecrets(path: KeyPath, agent: SourceNode, report: ConfigReport): void {
  const env = nodeAt(agent, ['env'])?.members
  for (const [name, secret] of nodeAt(agent, ['secrets'])?.members ?? []) {
    const variable = `${name}_FILE`
    if (env?.has(variable) === true) report.problem([...path, 'secrets', name], secret.keyOffset, `${pathText([...path, 'secrets', name])} is given in the variable ${variable}, which env has as well; remove one`)
  }
}
