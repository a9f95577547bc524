// How a child process ended and what it complained of, so that who waits for it in vain is told why. Reads stderr, not stdout.

import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

type Exit = [code: number | null, signal: NodeJS.Signals | null]

/** Resolves when the child has ended, also where it had before anybody asked: its last words may be read after its end. */
export async function exitOf(child: ChildProcess): Promise<Exit> {
  return child.exitCode === null && child.signalCode === null ? ((await once(child, 'exit')) as Exit) : [child.exitCode, child.signalCode]
}

/** Enough of stderr to see why; a log that runs along may be long. */
const SHOWN_CHARACTERS = 4000

export class ChildEnd {
  /** Resolves when the child has ended and all that it printed was read; of a program that is not there with nothing. */
  readonly ended: Promise<Exit>
  readonly #child: ChildProcess
  #complaints = ''

  /** Of a child that was just started, with a pipe as stderr. */
  constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.on('data', chunk => (this.#complaints += String(chunk)))
    this.ended = new Promise(resolve => {
      child.once('close', (code, signal) => resolve([code, signal]))
      // A program that is not there has no `close`.
      child.once('error', error => {
        this.#complaints += String(error)
        resolve([null, null])
      })
    })
  }

  /** All of stderr until now. */
  get complaints(): string {
    return this.#complaints
  }

  /** The error of a child that has ended, or is about to, without doing what was awaited. */
  async failure(problem: string): Promise<Error> {
    const [code, signal] = await this.ended
    const words = this.#child.spawnargs.join(' ')
    return new Error(`${words} ${problem}: ended with ${signal ?? code ?? 'no process'}, stderr: ${this.#complaints.slice(-SHOWN_CHARACTERS) || 'nothing'}`)
  }
}
