// What a child process prints on stdout, line by line. A line that does not come is an error that says how the child ended, and why.

import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { ChildEnd } from './child-end.ts'

export class ChildOutput extends ChildEnd {
  readonly #lines: AsyncIterator<string>

  /** Of a child that was just started, with pipes. */
  constructor(child: ChildProcess) {
    super(child)
    // At once: what nobody reads is thrown away when the child ends.
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  /**
   * The next line of stdout.
   * @throws Error with exit code or signal, and the end of stderr, when there is none
   */
  async next(otherwise = 'printed no more'): Promise<string> {
    const line = await this.#lines.next()
    if (line.done === true) throw await this.failure(otherwise)
    return line.value
  }
}
