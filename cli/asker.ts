// Asks whoever sits at the terminal for one letter of a few, again and again.

import { createInterface, type Interface } from 'node:readline/promises'

export class Asker {
  readonly #terminal: Interface
  readonly #closed = new AbortController()

  /** Questions are written to `output`, so that data can be sent elsewhere. */
  constructor(input: NodeJS.ReadableStream = process.stdin, output: NodeJS.WritableStream = process.stderr) {
    this.#terminal = createInterface({ input, output })
    this.#terminal.once('close', () => this.#closed.abort())
    // Ctrl-C ends the command as it would without a question.
    this.#terminal.on('SIGINT', () => this.#terminal.close())
  }

  /** One of `letters`; asks again for anything else. undefined: the input ended, or Ctrl-C. */
  async ask(question: string, letters: string): Promise<string | undefined> {
    while (!this.#closed.signal.aborted) {
      const answer = await this.#terminal.question(question, { signal: this.#closed.signal }).catch(() => undefined)
      const letter = answer?.trim().toLowerCase()[0]
      if (letter !== undefined && letters.includes(letter)) return letter
    }
    return undefined
  }

  close(): void {
    this.#terminal.close()
  }
}
