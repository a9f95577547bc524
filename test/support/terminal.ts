// The command line on a terminal, as Python makes it: keys go in, what is drawn comes out. For tests that have Python; see pythonTest.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { ChildEnd } from './child-end.ts'
import { bin, PATIENCE_MS } from './run-callboard.ts'
import type { Teardown } from './temporary-directory.ts'

// What Python reads from its own stdin it types.
const TERMINAL = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))'

export class Terminal {
  readonly #child: ChildProcess
  readonly #end: ChildEnd
  #screen = ''
  #hasEnded = false

  /** Starts `callboard` with these words; killed when the test ends. */
  constructor(t: Teardown, home: string, ...words: string[]) {
    this.#child = spawn('python3', ['-c', TERMINAL, process.execPath, bin, ...words], { env: { PATH: process.env['PATH'], CALLBOARD_HOME: home, CALLBOARD_CONNECT_TIMEOUT_MS: PATIENCE_MS, TERM: 'xterm', COLUMNS: '120', LINES: '30' } })
    t.teardown(() => this.#child.kill('SIGKILL'))
    this.#child.stdout!.on('data', chunk => (this.#screen += String(chunk)))
    this.#end = new ChildEnd(this.#child)
    void this.#end.ended.then(() => (this.#hasEnded = true))
  }

  /** Resolves once `text` is drawn, with it and what came before it since the last call. */
  async drawn(text: string): Promise<string> {
    while (!this.#screen.includes(text)) {
      if (this.#hasEnded) throw await this.#end.failure(`did not draw "${text}" but: ${this.#screen}`)
      await Promise.race([once(this.#child.stdout!, 'data'), this.#end.ended])
    }
    const end = this.#screen.indexOf(text) + text.length
    const screen = this.#screen.slice(0, end)
    this.#screen = this.#screen.slice(end)
    return screen
  }

  type(keys: string): void {
    this.#child.stdin!.write(keys)
  }

  /** Its exit code. */
  async exit(): Promise<number | null> {
    const ended = this.#child.exitCode === null ? once(this.#child, 'exit') : undefined
    this.#child.stdin!.end()
    await ended
    return this.#child.exitCode
  }
}
