// The store thread's work: operations in groups, one transaction and one commit for each. Knows no port and no timer.
//
//   settlements and demand ─▶ lease ─▶ appends ─▶ sweep what time did ─▶ lease ─▶ commit ─▶ answers
//                                                                      └ fails ─▶ rolled back, all of the group is refused

import { join } from 'node:path'
import { failPoint } from '../../ground/fail-point.ts'
import { BrokerError } from '../../ground/errors.ts'
import type { StoreSettings } from '../../ground/store-settings.ts'
import { append } from './appending.ts'
import { callQueue } from './calls.ts'
import { CommitMark } from './commit-mark.ts'
import { markName, watchCommits } from './commit-watch.ts'
import { Database } from './database.ts'
import { appendedBytes, readGroup, type CallStep, type ForwardStep, type Group, type SettleStep } from './group.ts'
import { lease, readOn } from './leasing.ts'
import type { LogWriter } from './log-writer.ts'
import { isWork, type LongWork, removeUnfinished } from './long-work.ts'
import type { FromThread, ToThread } from './messages.ts'
import { Outcome } from './outcome.ts'
import type { QueueState, StoreState } from './queue-state.ts'
import { Reserve } from './reserve.ts'
import { RetryShift } from './retry-shift.ts'
import { StoreSeal } from './row-seal.ts'
import { forward, forwardable, settle } from './settling.ts'
import { StoreClock, systemClocks } from './store-clock.ts'
import { storeError } from './store-errors.ts'
import { takeStore, type StoreLock } from './store-lock.ts'
import { sweep } from './sweeping.ts'
import { tidy, writeBack } from './tidying.ts'
import { Trouble } from './trouble.ts'

/** What a store is opened with on its thread. */
export interface EngineOptions {
  readonly backend: 'embedded' | 'memory'
  /** undefined: the store is in memory. */
  readonly directory: string | undefined
  readonly settings: StoreSettings['embedded']
}

export type Post = (message: FromThread, transfer?: ArrayBuffer[]) => void

/** Longest sleep: a wall clock that was set forward is noticed then. ms */
const MAX_WAIT_MS = 1000
/** Nobody has asked for anything for so long: the file is tidied. ms */
const IDLE_MS = 5000

export class Engine {
  readonly state: StoreState
  readonly seal: StoreSeal
  readonly queues = new Map<number, QueueState>()
  readonly #mark: CommitMark | undefined
  readonly #lock: StoreLock | undefined
  readonly #trouble: Trouble
  /** Positions that were given out, by queue. */
  readonly #lastPositions: ReadonlyMap<number, number>
  readonly #post: Post
  readonly #clock: StoreClock
  /** Queues in which something may have changed since they were looked at. */
  readonly #busy = new Set<QueueState>()
  readonly #shift: RetryShift
  readonly #work = new Map<number, LongWork<unknown>>()
  #nextWork = -1
  #results: FromThread[] = []
  /** Who asked for memory alone has been told of this group. */
  #isEarlyTold = false
  /** When some queue has something to do; on the monotonic clock. */
  #wakeMs = 0
  /** When the file is tidied unless something comes; on the monotonic clock. */
  #tidyAtMs = Infinity
  /** Queues that the group has opened. */
  #opened: QueueState[] = []
  /** Queues that the group has closed. */
  #closed: QueueState[] = []
  /** What is in memory is what the database holds. False: it could not even be read. */
  #isSound = true

  /** @param logWriter who writes the log back, by the database's path; undefined: the engine. @throws BrokerError `store.*` */
  constructor({ backend, directory, settings }: EngineOptions, post: Post, clocks = systemClocks, logWriter?: (path: string) => LogWriter) {
    this.#post = post
    let database: Database | undefined
    let reserve: Reserve | undefined
    const onDamage = (queue: string, position: number, problem: string): void => post({ kind: 'damage', queue, position, problem })
    try {
      this.#lock = directory === undefined ? undefined : takeStore(directory)
      reserve = directory === undefined ? undefined : new Reserve(directory)
      // Before SQLite looks at its log, and writes over what it does not believe.
      const seen = directory === undefined ? { damages: [], lastPositions: new Map<number, number>() } : watchCommits(directory)
      for (const { queue, position, problem } of seen.damages) onDamage(queue, position ?? 0, problem)
      this.#lastPositions = seen.lastPositions
      database = new Database(directory, logWriter)
      this.seal = StoreSeal.open(settings.encryption?.keys, database.keyRing)
      for (const damage of [database.damage, this.seal.damage]) if (damage !== undefined) onDamage('', 0, damage)
      this.#mark = directory === undefined ? undefined : new CommitMark(join(directory, markName), Buffer.from(database.storeId, 'hex'))
      const record = this.seal.ring?.record
      // A process that ended, with a disk that failed, may have left commits that no later sync writes.
      if (this.#mark !== undefined && !isAllSynced(this.#mark, database.epoch)) database.doubtLog()
      if (record !== undefined && record !== database.keyRing) database.keepKeyRing(record)
    } catch (error) {
      database?.close()
      this.#lock?.release()
      throw storeError(error, database ?? { backend, path: directory ?? ':memory:' })
    }
    this.state = { database, outcome: new Outcome(), early: new Outcome(), nowMs: 0, steadyMs: 0, problem: undefined, isDraining: false, onDamage, given: new Map() }
    this.#clock = new StoreClock(clocks, database.clockMs)
    this.#shift = new RetryShift(this.#clock, this.state)
    this.#work.set(this.#nextWork--, removeUnfinished(this.state))
    this.#trouble = new Trouble(this.state, reserve, post)
    this.#trouble.start()
  }

  /** Works off what waits. Gives after how long it is to be called again; 0: at once, Infinity: when there is something. ms */
  run(messages: readonly ToThread[]): number {
    const { state } = this
    this.#readClocks()
    if (state.steadyMs >= this.#trouble.tryAtMs) this.#tryAgain()
    const group = readGroup(messages)
    state.outcome = new Outcome()
    state.early = new Outcome()
    this.#isEarlyTold = false
    state.database.expect(messages.some((message) => message.kind === 'batch' && message.durability === 'fsync') ? 'fsync' : 'os')
    let waitMs = 0
    const { epoch } = state.database
    try {
      // A disk that has not been seen to work again is not tried for that alone. A nak tries it, and gets its time by the clock as it is now.
      const mayPay = !this.#trouble.isHalted || group.steps.some(({ kind }) => kind === 'settle')
      if (mayPay) this.#shift.pay(this.queues)
      for (const { queue, more } of group.demands) this.queue(queue).demand += more
      this.#perform(group)
      this.#stepWork()
      waitMs = this.#attend()
      this.#commit()
      this.#shift.paid()
    } catch (error) {
      this.#fail(error, group, state.database.epoch > epoch)
      waitMs = 0
    }
    const { outcome } = state
    if (!outcome.isEmpty || group.buffers.length > 0) {
      const answers = outcome.answers(group.buffers)
      this.#post(answers, [answers.memory, ...group.buffers])
    }
    for (const result of this.#results) this.#post(result)
    readOn(state)
    writeBack(state.database)
    this.#results = []
    this.#opened = []
    for (const queue of this.#closed) {
      this.queues.delete(queue.id)
      this.#busy.delete(queue)
    }
    this.#closed = []
    if (this.#work.size > 0 || this.#tidy(waitMs)) return 0
    return Math.max(0, Math.min(waitMs, this.#trouble.tryAtMs - state.steadyMs, this.#tidyAtMs - state.steadyMs))
  }

  close(): void {
    this.#mark?.close()
    this.state.database.close()
    this.#lock?.release()
  }

  /** The queue, for calls that have its number. */
  queue(id: number): QueueState {
    const queue = this.queues.get(id)
    if (queue === undefined) throw new BrokerError('store.failed', { backend: this.state.database.backend, problem: `queue ${id} is not open` })
    this.#busy.add(queue)
    return queue
  }

  opened(queue: QueueState): void {
    // A position that was given once is never given again, even when the database lost the message. Written with its opening: a later rollback reads it.
    const given = this.#lastPositions.get(queue.id) ?? 0
    if (given > queue.totals.last_position) {
      queue.totals.last_position = given
      queue.touch()
    }
    if (queue.totals.damage !== undefined) this.state.onDamage(queue.name, 0, queue.totals.damage)
    this.queues.set(queue.id, queue)
    this.#opened.push(queue)
    this.#busy.add(queue)
    this.#shift.look(queue)
  }

  closed(queue: QueueState): void {
    // What came before it is still to be committed.
    this.#closed.push(queue)
    queue.demand = -Infinity
  }

  #readClocks(): void {
    const { state } = this
    const isSet = this.#clock.read()
    state.nowMs = this.#clock.nowMs
    state.steadyMs = this.#clock.steadyMs
    if (isSet) this.#shift.clockSet(this.queues.values())
  }

  // Between calls: first what ends leases and asks for messages, then what comes, so that it is handed over at once.
  #perform({ steps }: Group): void {
    for (let from = 0; from < steps.length; ) {
      const end = steps.findIndex(({ kind }, i) => i >= from && kind === 'call')
      const until = end < 0 ? steps.length : end
      this.#performAll(from === 0 && until === steps.length ? steps : steps.slice(from, until))
      const call = steps[until]
      if (call?.kind === 'call') this.#call(call)
      from = until + 1
    }
  }

  #performAll(steps: Group['steps']): void {
    let hasAppends = false
    for (const step of steps) {
      if (step.kind === 'settle') this.#settle(step)
      else hasAppends = true
    }
    if (!hasAppends) return
    this.#trouble.checkSpace(appendedBytes(steps))
    this.#leaseBusy()
    for (const step of steps) {
      if (step.kind === 'append') append(this.queue(step.read.queue), step)
      else if (step.kind === 'forward') this.#forward(step)
    }
  }

  #leaseBusy(): void {
    if (this.#trouble.isHalted) return
    for (const queue of this.#busy) if (!this.#opened.includes(queue)) lease(queue)
  }

  #settle({ number, queue: id, settlements }: SettleStep): void {
    const { outcome, problem } = this.state
    if (!this.#isSound && problem !== undefined) return outcome.unsettled(number, problem)
    const queue = this.queue(id)
    const lost = settlements.filter((settlement) => !settle(queue, settlement)).map(({ position }) => position)
    outcome.settled(number, lost)
  }

  #forward({ number, queue: id, position, attempt, targets }: ForwardStep): void {
    const { outcome, problem } = this.state
    const source = this.queue(id)
    const asked = targets.map((step) => ({ step, queue: this.queue(step.read.queue) }))
    const lease = problem ?? forwardable(source, position, attempt, asked)
    if (lease !== 'lost' && !(lease instanceof BrokerError)) {
      forward(source, lease, asked)
      outcome.settled(number, [])
      return
    }
    const error = lease === 'lost' ? new BrokerError('queue.lease_lost', { queue: source.name, position }) : lease
    for (const target of targets) outcome.refused(target.number, target.read.count, error)
    if (lease === 'lost') outcome.settled(number, [position])
    else outcome.unsettled(number, lease)
  }

  #call({ number, call }: CallStep): void {
    // What was demanded before is on lease, for those who look.
    this.#leaseBusy()
    try {
      const value = callQueue(this, call)
      if (isWork(value)) this.#work.set(number, value)
      else this.#results.push({ kind: 'result', number, value, error: undefined })
    } catch (error) {
      // One of the caller's, such as a name that is not there; what the disk does concerns all of the group.
      if (!(error instanceof BrokerError)) throw error
      this.#results.push({ kind: 'result', number, value: undefined, error: { code: error.code, details: error.details } })
    }
  }

  // Each takes one step. Numbers below 0 are the engine's own, and nobody is told.
  #stepWork(): void {
    for (const [number, work] of this.#work) {
      const { done, value } = work.next()
      if (done !== true) continue
      this.#work.delete(number)
      if (number >= 0) this.#results.push({ kind: 'result', number, value, error: undefined })
    }
    if (this.#work.size > 0) for (const queue of this.queues.values()) this.#busy.add(queue)
  }

  // Sweeps and leases where something may have changed, or is due. Gives how long nothing is.
  #attend(): number {
    const { state } = this
    if (this.#trouble.isHalted) return Infinity
    if (state.steadyMs >= this.#wakeMs) {
      this.#wakeMs = Infinity
      for (const queue of this.queues.values()) this.#busy.add(queue)
    }
    let hasMore = false
    for (const queue of this.#busy) {
      // Its listener is not there yet.
      if (this.#opened.includes(queue)) {
        hasMore = true
        continue
      }
      const waitMs = Math.min(sweep(queue), MAX_WAIT_MS)
      const isUnfinished = lease(queue)
      hasMore ||= isUnfinished || waitMs === 0
      // Leases that have just begun end some time, too.
      this.#wakeMs = Math.min(this.#wakeMs, state.steadyMs + Math.min(waitMs, queue.settings.ackWaitMs))
      if (!isUnfinished && waitMs > 0) this.#busy.delete(queue)
    }
    return hasMore ? 0 : this.#wakeMs - state.steadyMs
  }

  // One step, when there is nothing else to do. True: more steps are to follow.
  #tidy(waitMs: number): boolean {
    const { state } = this
    if (waitMs === 0 || state.steadyMs < this.#tidyAtMs) return false
    try {
      if (state.problem === undefined && tidy(state.database)) return true
    } catch (error) {
      // Nothing is lost; whatever it is, the next commit will tell.
      state.database.rollback(error)
    }
    this.#tidyAtMs = Infinity
    return false
  }

  #commit(): void {
    const { state } = this
    const { database, early } = state
    if (!database.isWriting) return
    this.#tidyAtMs = state.steadyMs + IDLE_MS
    const changed: QueueState[] = []
    for (const queue of this.queues.values()) if (queue.finish()) changed.push(queue)
    if (!early.isEmpty) {
      const answers = early.answers([])
      this.#post(answers, [answers.memory])
      this.#isEarlyTold = true
    }
    const isSynced = database.commit(state.nowMs)
    failPoint('store.after-commit')
    for (const queue of changed) {
      queue.committed()
      this.#mark?.position(queue.id, queue.totals.last_position)
    }
    this.#mark?.note(database.epoch, isSynced)
  }

  // `isCommitted`: all but the sync that somebody asked for.
  #fail(error: unknown, { steps }: Group, isCommitted: boolean): void {
    const { state } = this
    const problem = storeError(error, state.database)
    state.database.rollback(error)
    if (isCommitted) this.#shift.paid()
    else this.#shift.unpaid()
    state.outcome = new Outcome()
    this.#results = this.#results.filter((result) => result.kind === 'result' && result.error !== undefined)
    for (const step of steps) this.#refuse(step, problem)
    for (const number of this.#work.keys()) if (number >= 0) this.#refuseCall(number, problem)
    this.#work.clear()
    for (const queue of this.#opened) {
      this.queues.delete(queue.id)
      this.#busy.delete(queue)
      this.#shift.forget(queue)
    }
    this.#restore(isCommitted)
    this.#trouble.stop(problem, this.#isSound && !state.isDraining)
  }

  #refuse(step: Group['steps'][number], problem: BrokerError): void {
    const { outcome } = this.state
    const appends = step.kind === 'append' ? [step] : step.kind === 'forward' ? step.targets : []
    for (const { number, read } of appends) if (!this.#isEarlyTold || read.durability !== 'memory') outcome.refused(number, read.count, problem)
    if (step.kind === 'settle' || step.kind === 'forward') outcome.unsettled(step.number, problem)
    else if (step.kind === 'call') this.#refuseCall(step.number, problem)
  }

  #refuseCall(number: number, { code, details }: BrokerError): void {
    if (!this.#results.some((result) => result.kind === 'result' && result.number === number)) this.#results.push({ kind: 'result', number, value: undefined, error: { code, details } })
  }

  #restore(isCommitted: boolean): void {
    this.#isSound = true
    for (const queue of this.queues.values()) {
      // What it would have handed out may go all the same.
      this.#busy.add(queue)
      try {
        if (isCommitted) queue.committedUntold()
        else queue.rolledBack()
      } catch {
        this.#isSound = false
      }
    }
  }

  #tryAgain(): void {
    this.#trouble.tryAgain(() => {
      this.#mark?.note(this.state.database.epoch, true)
      if (!this.#isSound) for (const queue of this.queues.values()) queue.rolledBack()
      this.#isSound = true
    })
    // What waited for it, or can be emptied now.
    for (const queue of this.queues.values()) this.#busy.add(queue)
  }
}

function isAllSynced({ state }: CommitMark, epoch: number): boolean {
  return typeof state === 'object' && state.syncedEpoch >= epoch
}
