// What is wrong with a configuration, all of it at once, each with its place in the file.

import { BrokerError } from '../broker/ground/errors.ts'

export interface ConfigProblem {
  readonly file: string
  /** Line and column from 1, column in UTF-16 units; undefined when the file as a whole is meant. */
  readonly at: { readonly line: number; readonly column: number } | undefined
  /** Path of the key, such as `agents[0].restart`; empty for the file as a whole. */
  readonly key: string
  /** What was found, what is allowed, and what to change. Holds no secret. */
  readonly text: string
}

/** Thrown when a configuration cannot be used; the broker does not start. `message` lists every problem on a line of its own. */
export class ConfigError extends BrokerError {
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[], options?: { cause?: unknown }) {
    const lines = problems.map(problemLine)
    super('config.invalid', { problem: lines.length === 1 ? lines[0] : [`${lines.length} problems`, ...lines].join('\n  ') }, options)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** `fleet.yaml:3:12: agents[0].restart is "allways"; …`, a form in which editors and terminals find the place. */
export function problemLine(problem: ConfigProblem): string {
  const place = problem.at === undefined ? problem.file : `${problem.file}:${problem.at.line}:${problem.at.column}`
  return `${place}: ${problem.text}`
}
