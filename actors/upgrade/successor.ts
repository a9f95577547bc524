// The process that is to take this one's place, as a child: started, spoken with, and killed where it does not answer.

import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { once } from 'node:events'
import { ALIVE_FD, aliveLine } from '../../broker/ground/alive-line.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { HANDOVER_FORMAT, LEGACY_VARIABLE, type Legacy, type ToPredecessor, type ToSuccessor } from './messages.ts'

export interface SuccessorOptions {
  /** Program and words. */
  readonly command: readonly string[]
  readonly sockets: readonly (readonly [key: string, fd: number])[]
  /** Somebody waits for the end of this process, such as a shell. */
  readonly isForeground: boolean
}

/** Descriptors before those that are handed on: three streams and the channel. */
const FIRST_FD = 4

export class Successor {
  readonly process: ChildProcess
  readonly #heard: ToPredecessor[] = []
  readonly #gone = Promise.withResolvers<BrokerError>()
  #wake: (() => void) | undefined
  #isOnItsOwn = false

  constructor({ command: [program, ...words], sockets, isForeground }: SuccessorOptions) {
    // By that a watchdog sees that somebody of this broker is there.
    const alive = aliveLine()
    const fds = [...sockets.map(([, fd]) => fd), ...(alive === undefined ? [] : [alive.fd])]
    const legacy: Legacy = { format: HANDOVER_FORMAT, predecessor: process.pid, isForeground, sockets: sockets.map(([key], i) => [key, FIRST_FD + i]) }
    const environment = { ...process.env, [LEGACY_VARIABLE]: JSON.stringify(legacy), ...(alive === undefined ? {} : { [ALIVE_FD]: String(FIRST_FD + sockets.length) }) }
    const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc', ...fds]
    this.process = spawn(program!, words, { stdio, env: environment, serialization: 'advanced' })
    this.process.on('message', (message: ToPredecessor) => {
      this.#heard.push(message)
      this.#wake?.()
    })
    this.process.once('error', (error) => this.#gone.resolve(failed(`${program} cannot be started: ${error.message}`)))
    this.process.once('exit', (code, signal) => this.#gone.resolve(failed(signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`)))
    // Whoever had that process end meant the broker, which this one is again in a moment.
    this.process.once('exit', (_code, signal) => {
      if (signal === 'SIGTERM' && !this.#isOnItsOwn) process.kill(process.pid, signal)
    })
    // Told by `exit`, or by the next word that does not come.
    this.process.on('disconnect', () => {})
  }

  /**
   * Waits for a word.
   * @throws BrokerError what it failed with itself, or `upgrade.failed`: it is gone, or has not said it within `limitMs`
   */
  async hears<Type extends ToPredecessor['type']>(type: Type, limitMs: number): Promise<Extract<ToPredecessor, { type: Type }>> {
    const late = Promise.withResolvers<BrokerError>()
    const timer = setTimeout(() => late.resolve(failed(`it said nothing of "${type}" within ${limitMs} ms`)), limitMs)
    try {
      for (;;) {
        const message = this.#heard.shift()
        if (message?.type === 'failed') throw failed(message.error.message)
        if (message?.type === type) return message as Extract<ToPredecessor, { type: Type }>
        if (message !== undefined) continue
        const word = new Promise<undefined>((resolve) => {
          this.#wake = () => resolve(undefined)
        })
        const end = await Promise.race([word, this.#gone.promise, late.promise])
        // Its last words say more than its end.
        if (end !== undefined && this.#heard.length === 0) throw end
      }
    } finally {
      clearTimeout(timer)
    }
  }

  /** Calls `each` with the agents that may end, also those of which it has been told; until it is gone. */
  onRelieved(each: (agent: string) => void): void {
    this.#onWord((message) => {
      if (message.type === 'relieved') each(message.agent)
    })
  }

  /** Calls `then` when it has its own link to other brokers. */
  onJoined(then: () => void): void {
    this.#onWord(({ type }) => {
      if (type === 'joined') then()
    })
  }

  #onWord(hear: (message: ToPredecessor) => void): void {
    for (const message of this.#heard) hear(message)
    this.process.on('message', hear)
  }

  /** Calls `then` when its process has ended. */
  onGone(then: () => void): void {
    void this.#gone.promise.then(then)
  }

  tell(message: ToSuccessor): void {
    // That it is gone is seen where its next word is waited for.
    this.process.send(message, () => {})
  }

  /** The same; resolves when it has been written, or cannot be. */
  pass(message: ToSuccessor): Promise<void> {
    return new Promise((resolve) => void this.process.send(message, () => resolve()))
  }

  /** Kills it; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.process.pid === undefined || this.process.exitCode !== null || this.process.signalCode !== null) return
    const gone = once(this.process, 'exit')
    this.process.kill('SIGKILL')
    await gone
  }

  /** It is the broker from now on. */
  served(): void {
    this.#isOnItsOwn = true
  }

  /** Nobody here waits for its end. */
  release(): void {
    if (this.process.connected) this.process.disconnect()
    this.process.unref()
  }
}

function failed(problem: string): BrokerError {
  return new BrokerError('upgrade.failed', { problem })
}
