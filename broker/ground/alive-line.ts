// The line between a broker and the watchdog that started it: the broker says on it that it lives, and how it ends. Knows no restarts.
//
//   CALLBOARD_ALIVE_FD   number of the stream, open in the broker and in every successor that it hands it on to, in nobody else
//   {"is":"here","pid":7}                       a process has begun that will be the broker
//   {"is":"serving","pid":7,"program":[…]}      it answers; started by these words, but for those of its command line
//   {"is":"alive","pid":7}                      each second: its event loop turns
//   {"is":"ended","pid":7,"code":0}             it has ended in order, and nothing is to be started again
//
// A line each. End of file says that nobody is left, however that came about; nothing ever comes the other way.

import { Socket } from 'node:net'

export const ALIVE_FD = 'CALLBOARD_ALIVE_FD'

/** What a broker says to its watchdog. */
export type AliveWord =
  | { readonly is: 'here' | 'alive'; readonly pid: number }
  | { readonly is: 'serving'; readonly pid: number; readonly program: readonly string[] }
  | { readonly is: 'ended'; readonly pid: number; readonly code: number }

/** How often a broker says that it lives. ms */
const ALIVE_MS = 1000

/** The broker's end. */
class AliveLine {
  /** For a successor: among its streams, with its number there as CALLBOARD_ALIVE_FD. */
  readonly fd: number
  /** Resolves when the watchdog is gone; the broker goes on without. */
  readonly lost: Promise<void>
  readonly #socket: Socket
  #timer: NodeJS.Timeout | undefined

  constructor(fd: number) {
    this.fd = fd
    // A stream, not writeSync: a watchdog that stands still must not make the broker wait.
    this.#socket = new Socket({ fd, readable: true, writable: true })
    this.#socket.on('error', () => {})
    this.lost = new Promise(resolve => this.#socket.once('close', () => resolve()))
    this.#socket.resume()
    this.#socket.unref()
    void this.lost.then(() => clearInterval(this.#timer))
    this.#say({ is: 'here', pid: process.pid })
    this.#timer = setInterval(() => {
      // What is not read is not piled up.
      if (this.#socket.writableLength === 0) this.#say({ is: 'alive', pid: process.pid })
    }, ALIVE_MS)
    this.#timer.unref()
  }

  /** The watchdog is gone, and the number of the stream may be another file's. */
  get isLost(): boolean {
    return this.#socket.destroyed
  }

  /** It answers now; `program` is what starts another one like it, without the words of the command line. */
  serving(program: readonly string[]): void {
    this.#say({ is: 'serving', pid: process.pid, program })
  }

  /** It has ended in order. Resolves when that is said, or nobody listens. */
  ended(code: number): Promise<void> {
    clearInterval(this.#timer)
    return Promise.race([this.lost, new Promise<void>(resolve => this.#say({ is: 'ended', pid: process.pid, code }, resolve))])
  }

  #say(word: AliveWord, said?: () => void): void {
    this.#socket.write(`${JSON.stringify(word)}\n`, () => said?.())
  }
}

let line: AliveLine | undefined

/** The line of this process, the same at every call; undefined when no watchdog has started it, or that one is gone. What it starts does not learn of it by the environment. */
export function aliveLine(environment: NodeJS.ProcessEnv = process.env): AliveLine | undefined {
  const fd = environment[ALIVE_FD]
  delete environment[ALIVE_FD]
  if (fd !== undefined && /^\d{1,4}$/.test(fd)) line ??= new AliveLine(Number(fd))
  if (line?.isLost === true) line = undefined
  return line
}

/** What a line says; undefined when it is none of the words above. */
export function readAliveWord(text: string): AliveWord | undefined {
  try {
    const word = JSON.parse(text) as AliveWord
    return typeof word === 'object' && Number.isInteger(word.pid) && ['here', 'serving', 'alive', 'ended'].includes(word.is) ? word : undefined
  } catch {
    return undefined
  }
}
