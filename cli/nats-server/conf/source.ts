// The text of one configuration file, read character by character. Knows places and how to say what is wrong there.

import { ConfigError } from '../../../config/error.ts'
import type { Place } from './node.ts'

const NEWLINE = 10

export class Source {
  readonly file: string
  readonly #text: string
  #at = 0

  constructor(text: string, file: string) {
    this.#text = text
    this.file = file
  }

  /** The next character; empty at the end. */
  get peek(): string {
    return this.#text.charAt(this.#at)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  /** Index of the next character. */
  get index(): number {
    return this.#at
  }

  next(): string {
    return this.#text.charAt(this.#at++)
  }

  skip(characters: number): void {
    this.#at += characters
  }

  startsWith(text: string): boolean {
    return this.#text.startsWith(text, this.#at)
  }

  since(index: number): string {
    return this.#text.slice(index, this.#at)
  }

  /** Takes what `pattern`, which is sticky, matches here; empty where it does not. */
  take(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [taken = ''] = pattern.exec(this.#text) ?? []
    this.#at += taken.length
    return taken
  }

  place(index = this.#at): Place {
    const end = Math.min(index, this.#text.length)
    let line = 1
    let begin = 0
    for (let i = 0; i < end; i++) {
      if (this.#text.charCodeAt(i) !== NEWLINE) continue
      line++
      begin = i + 1
    }
    return { file: this.file, line, column: end - begin + 1 }
  }

  /** @throws ConfigError always */
  fail(text: string, index = this.#at): never {
    throw confError(this.place(index), text)
  }
}

export function confError({ file, line, column }: Place, text: string): ConfigError {
  return new ConfigError([{ file, at: { line, column }, key: '', text }])
}
