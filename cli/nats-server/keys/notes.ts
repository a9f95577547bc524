// What is wrong with a configuration, and what in it has no effect: all of it, each with its place.

import { ConfigError, problemLine, type ConfigProblem } from '../../../config/error.ts'
import type { Place } from '../conf/node.ts'

export class Notes {
  readonly #problems: ConfigProblem[] = []
  readonly #warnings: string[] = []

  /** What was accepted and does nothing here, a line each. */
  get warnings(): readonly string[] {
    return this.#warnings
  }

  problem(at: Place, text: string): void {
    this.#problems.push(problemAt(at, text))
  }

  warn(at: Place, text: string): void {
    this.#warnings.push(problemLine(problemAt(at, text)))
  }

  /** @throws ConfigError with every problem */
  check(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems)
  }
}

function problemAt({ file, line, column }: Place, text: string): ConfigProblem {
  return { file, at: { line, column }, key: '', text }
}
