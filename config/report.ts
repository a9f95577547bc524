// Collects what is wrong with one text, and turns offsets into lines and columns.

import { ConfigError, type ConfigProblem, problemLine } from './error.ts'
import { pathText } from './shown.ts'
import type { KeyPath } from './source.ts'

export class ConfigReport {
  readonly #file: string
  readonly #lineStarts: readonly number[]
  readonly #problems: ConfigProblem[] = []
  readonly #warnings: ConfigProblem[] = []

  constructor(file: string, text: string) {
    this.#file = file
    this.#lineStarts = [0, ...Array.from(text.matchAll(/\r\n|\r|\n/g), match => match.index + match[0].length)]
  }

  /** `text` says what is wrong with the key at `path`; `offset` is where in the file. */
  problem(path: KeyPath, offset: number, text: string): void {
    this.#problems.push(this.#entry(path, offset, text))
  }

  /** Something that works and is probably not meant. */
  warning(path: KeyPath, offset: number, text: string): void {
    this.#warnings.push(this.#entry(path, offset, text))
  }

  get warnings(): readonly string[] {
    return this.#warnings.map(problemLine)
  }

  /** @throws ConfigError with every problem in the order of the file, when there are any */
  throwIfAny(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems.toSorted(byPlace))
  }

  #entry(path: KeyPath, offset: number, text: string): ConfigProblem {
    const line = this.#lineStarts.findLastIndex(start => start <= offset)
    return { file: this.#file, at: { line: line + 1, column: offset - this.#lineStarts[line]! + 1 }, key: pathText(path), text }
  }
}

function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0)
}
