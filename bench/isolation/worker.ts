// A process of an isolation run, from both ends: the bench starts it and waits for its answers in turn.

import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

/** Answers come in the order in which they were sent; each is waited for by name of its step. */
export class Worker {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #answers: unknown[] = []
  #wake: () => void = () => {}

  /** `file`: beside this one. */
  constructor(file: string) {
    this.#name = file
    this.#child = fork(join(import.meta.dirname, file))
    this.#child.on('message', answer => {
      this.#answers.push(answer)
      this.#wake()
    })
    this.#child.once('exit', () => this.#wake())
  }

  tell(message: object): void {
    this.#child.send(message)
  }

  /** The next answer. @throws Error when the process ended, or sent an error instead */
  async answer<T>(): Promise<T> {
    while (this.#answers.length === 0) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error(`${this.#name} ended before it answered`)
      await new Promise<void>(resolve => (this.#wake = resolve))
    }
    const answer = this.#answers.shift() as T & { readonly failure?: string }
    if (answer.failure !== undefined) throw new Error(`${this.#name}: ${answer.failure}`)
    return answer
  }

  async release(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    if (this.#child.connected) this.#child.disconnect()
    await gone
  }
}

/** The worker's own end: what the bench told it, one after the other. */
export class Parent {
  readonly #told: unknown[] = []
  #wake: () => void = () => {}

  constructor() {
    process.on('message', message => {
      this.#told.push(message)
      this.#wake()
    })
    process.once('disconnect', () => process.exit(0))
  }

  async next<T>(): Promise<T> {
    while (this.#told.length === 0) await new Promise<void>(resolve => (this.#wake = resolve))
    return this.#told.shift() as T
  }

  /** Runs the worker's work; what it throws is told instead of an answer. */
  async serve(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.tell({ failure: error instanceof Error ? error.message : String(error) })
    }
  }

  tell(answer: object): void {
    process.send?.(answer)
  }
}
