// One broker as its watchdog sees it, with the successors that it may hand over to: who serves, how it ended. Decides nothing.

import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { ALIVE_FD, readAliveWord, type AliveWord } from '../broker/ground/alive-line.ts'
import { processStamp } from '../broker/ground/process-stamp.ts'
import { Silence } from './silence.ts'

/** How it was when nobody was left. */
export interface BrokerEnd {
  /** Exit code of a broker that ended in order; undefined: it died. */
  readonly orderly: number | undefined
  readonly servedMs: number | undefined
  readonly code: number | undefined
  readonly signal: NodeJS.Signals | undefined
}

interface BrokerEvents {
  /** It answers; `program` is what it was started by. */
  serving(program: readonly string[]): void
  /** What it tells whoever started it in the background. */
  reported(report: unknown): void
}

/** The first three are the watchdog's own; the fourth is the line on which it says that it lives. */
const LINE = 3

export class WatchedBroker {
  /** Resolves when the process and all its successors are gone. */
  readonly ended: Promise<BrokerEnd>
  readonly silence = new Silence()
  readonly #child: ChildProcess
  readonly #events: BrokerEvents
  /** Who serves: the child, or a successor. */
  #pid: number
  #stamp: string | undefined
  #servingSinceMs: number | undefined
  #orderly: number | undefined
  #hasSpoken = false
  /** The last one that has begun beside who serves. */
  #heir: { readonly pid: number; readonly stamp: string | undefined } | undefined

  /** @throws what spawn throws */
  constructor(command: string, words: readonly string[], hasChannel: boolean, events: BrokerEvents) {
    this.#events = events
    this.#child = spawn(command, words, { stdio: ['inherit', 'inherit', 'inherit', 'pipe', ...(hasChannel ? ['ipc' as const] : [])], env: { ...process.env, [ALIVE_FD]: String(LINE) } })
    this.#pid = this.#child.pid ?? 0
    this.#stamp = processStamp(this.#pid)
    this.#child.once('message', report => {
      events.reported(report)
      if (this.#child.connected) this.#child.disconnect()
    })
    this.ended = this.#watch()
  }

  get pid(): number {
    return this.#pid
  }

  /** It has said something since it was started. */
  get hasSpoken(): boolean {
    return this.#hasSpoken
  }

  /** Sends a signal to who serves, or to who is about to where that one is gone; nothing when nobody is there. */
  signal(name: NodeJS.Signals): void {
    this.#succeed()
    if (this.#pid === this.#child.pid) this.#child.kill(name)
    else if (this.#stamp !== undefined && processStamp(this.#pid) === this.#stamp) process.kill(this.#pid, name)
  }

  async #watch(): Promise<BrokerEnd> {
    const line = this.#child.stdio[LINE] as Readable
    // A broker that is killed resets it.
    line.on('error', () => {})
    createInterface({ input: line }).on('line', text => this.#hear(readAliveWord(text)))
    const closed = new Promise<void>(resolve => line.once('close', () => resolve()))
    const exited = new Promise<[number | null, NodeJS.Signals | null]>(resolve => {
      this.#child.once('exit', (...how) => resolve(how))
      // That it cannot be started; also that a signal came too late, which `exit` follows.
      this.#child.on('error', () => this.#child.pid === undefined && resolve([1, null]))
    })
    const [code, signal] = await exited
    await closed
    const isOwn = this.#pid === (this.#child.pid ?? 0)
    return {
      // Of one that never spoke, as it had only to complain, the exit code says it.
      orderly: this.#orderly ?? (isOwn && code === 0 ? 0 : undefined),
      servedMs: this.#servingSinceMs === undefined ? undefined : performance.now() - this.#servingSinceMs,
      code: isOwn ? (code ?? undefined) : undefined,
      signal: isOwn ? (signal ?? undefined) : undefined,
    }
  }

  #hear(word: AliveWord | undefined): void {
    if (word === undefined) return
    this.#hasSpoken = true
    if (word.is === 'serving') {
      this.#pid = word.pid
      this.#stamp = processStamp(word.pid)
      this.#servingSinceMs = performance.now()
      this.#orderly = undefined
      this.#events.serving(word.program)
    } else if (word.is === 'ended' && word.pid === this.#pid) this.#orderly = word.code
    if (word.is === 'here' && word.pid !== this.#pid) this.#heir = { pid: word.pid, stamp: processStamp(word.pid) }
    if (word.pid === this.#heir?.pid) this.#succeed()
    // Of a predecessor that ends, or a successor that begins, nothing follows for who serves.
    if (word.pid === this.#pid) this.silence.heard()
  }

  // Where who serves is gone before the next one says that it does, that one is the broker: it is signalled, and must not hang.
  #succeed(): void {
    const heir = this.#heir
    if (heir?.stamp === undefined || heir.pid === this.#pid || this.#isThere || processStamp(heir.pid) !== heir.stamp) return
    this.#pid = heir.pid
    this.#stamp = heir.stamp
    this.#servingSinceMs = undefined
  }

  get #isThere(): boolean {
    return this.#stamp !== undefined && processStamp(this.#pid) === this.#stamp
  }
}
