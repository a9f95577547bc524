// One queue in Redis, which all brokers share that have it open. All its state is in Redis and changes by one script, in atomic steps;
// here is only what is on its way there, how much is wanted, and which leases this broker was told of.
//
//   append, settle ─▶ collected for one turn ─▶ one call each ─▶ told
//   demand ─▶ lease, as long as there are messages; then again when this broker appends or settles, when another one says so, when
//             something is due, and every second in any case

import { BrokerError } from '../../ground/errors.ts'
import type { Durability, QueueSettings } from '../../ground/store-settings.ts'
import type { Append, Forward, QueueCounts, QueueListener, Selection, SettleOutcome, Settlement, StoredMessage, StoredQuery, StoredQueue } from '../../ground/store.ts'
import { retryDelayMs } from '../policy/retry-schedule.ts'
import { Alarm } from './alarm.ts'
import { countsOf, deadOf, eventOf, settingsText, waitingOf, type Event, type Run } from './answers.ts'
import { addAppend, settleArguments, tellAppends, tellSettled, type AppendCall, type SettleAsk } from './asks.ts'
import { tooWeak } from './durability.ts'
import { forwardCall, refuseForward, tellForward, type ForwardCall, type ForwardTarget } from './forwarding.ts'
import type { Operation } from './lua/script.ts'
import type { Argument, LinkListener, RedisLink } from './redis-link.ts'
import { unavailable } from './redis-errors.ts'

export interface RedisQueueOptions {
  readonly name: string
  /** Begins all its keys. */
  readonly key: string
  /** Key of the set of all queues. */
  readonly index: string
  /** Id of this broker, whose leases are its own. */
  readonly owner: string
  readonly settings: QueueSettings
  readonly listener: QueueListener
  readonly link: RedisLink
  /** A server that is configured weaker than asked is an error. */
  readonly isStrict: boolean
  /** Queues of the same store that are open, by name. */
  readonly sibling: (name: string) => ForwardTarget | undefined
  readonly onClosed: () => void
}

/** Most messages of one answer. */
const LEASE_MESSAGES = 1000
/** Another broker that was killed says nothing: what it had is looked for at least so often. ms */
const LOOK_EVERY_MS = 1000
/** Messages that are replayed or purged in one call: so long others wait for the server. */
const PAGE = 200

export class RedisQueue implements StoredQueue, LinkListener, ForwardTarget {
  readonly name: string
  readonly key: string
  readonly #options: RedisQueueOptions
  #settings: QueueSettings
  settingsText: string
  /** Leases that may begin; below 0 when demand was taken back while leases began. */
  #balance = 0
  #problem: BrokerError | undefined
  #isClosing = false
  #closed: Promise<void> | undefined
  isPaused = false
  #appends: AppendCall[] = []
  #settles: SettleAsk[] = []
  #isFlushDue = false
  #isLeasing = false
  /** Something may have become ready since messages were asked for. */
  #isStale = false
  /** Leases that this broker was told of: position and attempt. */
  readonly #leased = new Map<number, number>()
  /** Leases that came when it was being closed. */
  readonly #untold: number[] = []
  readonly #work = new Set<Promise<unknown>>()
  readonly #alarm = new Alarm(() => this.#track(this.#tick()))

  private constructor(options: RedisQueueOptions) {
    this.name = options.name
    this.key = options.key
    this.#options = options
    this.#settings = options.settings
    this.settingsText = settingsText(options.settings)
  }

  /** @throws BrokerError `store.*` */
  static async open(options: RedisQueueOptions): Promise<RedisQueue> {
    const { link, key, name, index, owner, isStrict, settings } = options
    const refusal = isStrict ? tooWeak(name, settings.durability, link.safety) : undefined
    if (refusal !== undefined) throw refusal
    const queue = new RedisQueue(options)
    await link.listen(key, queue)
    try {
      queue.isPaused = ((await queue.#ask('open', index, name, owner)) as [number, number])[0] === 1
    } catch (error) {
      await link.unlisten(key)
      throw error
    }
    queue.#alarm.set(LOOK_EVERY_MS)
    return queue
  }

  append(append: Append): void {
    const refusal = this.refusal(append)
    if (refusal !== undefined) return queueMicrotask(() => append.watch.refused(append.count, refusal))
    addAppend(this.#appends, append)
    const { dueAtMs, expiresAtMs } = append
    const nextMs = Math.min(dueAtMs || Infinity, expiresAtMs || Infinity) - Date.now()
    if (nextMs < LOOK_EVERY_MS) this.#alarm.set(nextMs)
    this.#flushSoon()
  }

  demand(more: number): void {
    this.#balance += more
    this.#flushSoon()
  }

  settle(settlements: readonly Settlement[], done?: (outcome: SettleOutcome) => void): void {
    this.#settles.push({ settlements, done })
    this.#flushSoon()
  }

  readonly forward = (forward: Forward, done: (outcome: SettleOutcome) => void): void => {
    this.#flush()
    const call = forwardCall(forward, this.#options.owner, this.#options.sibling)
    if (call instanceof BrokerError) queueMicrotask(() => done(refuseForward(forward.to, call)))
    else this.#track(this.#forward(forward, call, done))
  }

  async counts(): Promise<QueueCounts> {
    const answer = (await this.#inOrder('counts')) as unknown[]
    this.#tell(answer.at(-1) as Event[])
    return countsOf(answer)
  }

  async list({ which, after, limit }: StoredQuery): Promise<readonly StoredMessage[]> {
    const [found, events] = (await this.#inOrder(which, after, limit)) as [[number, Buffer, Buffer][], Event[]]
    this.#tell(events)
    return found.map(which === 'dead' ? deadOf : waitingOf)
  }

  replay(which: Selection): Promise<number> {
    return this.#each('replay', 'dead', which)
  }

  purge(which: 'waiting' | 'dead', selection: Selection): Promise<number> {
    return this.#each(which === 'dead' ? 'purgeDead' : 'purgeWaiting', which, selection)
  }

  async pause(isPaused: boolean): Promise<void> {
    await this.#inOrder('pause', isPaused ? 1 : 0)
    this.#paused(isPaused)
  }

  async change(settings: QueueSettings): Promise<void> {
    const refusal = this.#tooWeak(settings.durability)
    if (refusal !== undefined) throw refusal
    this.#flush()
    this.#settings = settings
    this.settingsText = settingsText(settings)
    await this.#ask('change')
    this.#poke()
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#flush()
    this.#isClosing = true
    this.#alarm.stop()
    const { link, key, owner, onClosed } = this.#options
    while (this.#work.size > 0) await Promise.allSettled(this.#work)
    // Where it cannot be said, they are ready when the ack wait is over, or when this broker opens the queue again.
    await this.#ask('leave', owner, ...this.#untold).catch(() => {})
    await link.unlisten(key)
    onClosed()
  }

  lost(problem: BrokerError): void {
    this.#state(problem)
  }

  rejoined(): void {
    const problem = this.#tooWeak(this.#settings.durability)
    if (problem !== undefined) return this.#state(problem)
    const reclaiming = this.#ask('reclaim', this.#options.owner, ...this.#leased.keys()).then(
      (answer) => {
        this.#state(undefined)
        this.#paused((answer as number[])[0] === 1)
        this.#poke()
      },
      // The connection is lost again, and comes again.
      () => {},
    )
    this.#track(reclaiming)
  }

  /** Another broker, or this one, says that there are messages, or that the queue is paused or not. */
  message(text: string): void {
    const [what, detail] = text.split(' ')
    if (what === 'paused') this.#paused(detail === '1')
    else if (detail !== this.#options.owner) this.#poke()
  }

  refusal({ durability, start, end }: Append): BrokerError | undefined {
    if (this.#isClosing) return unavailable(`queue "${this.name}" is being closed`)
    return this.#problem ?? this.#options.link.refusal(end - start) ?? this.#tooWeak(durability)
  }

  #tooWeak(asked: Durability): BrokerError | undefined {
    return this.#options.isStrict ? tooWeak(this.name, asked, this.#options.link.safety) : undefined
  }

  full(): BrokerError {
    const { maxMessages, maxBytes } = this.#settings
    return new BrokerError('queue.full', { queue: this.name, messages: maxMessages, bytes: maxBytes, maxMessages, maxBytes })
  }

  appended(events: readonly Event[]): void {
    this.#tell(events)
    this.#poke()
  }

  #paused(isPaused: boolean): void {
    this.isPaused = isPaused
    if (!isPaused) this.#poke()
  }

  #poke(): void {
    this.#isStale = true
    this.#flushSoon()
  }

  #state(problem: BrokerError | undefined): void {
    if (this.#isClosing || problem === this.#problem) return
    this.#problem = problem
    this.#options.listener.stateChanged(problem)
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return
    this.#isFlushDue = true
    setImmediate(() => this.#flush())
  }

  // Settlements first: they make room for what is appended.
  #flush(): void {
    this.#isFlushDue = false
    const [settles, appends] = [this.#settles, this.#appends]
    this.#settles = []
    this.#appends = []
    if (settles.length > 0) this.#track(this.#settle(settles))
    for (const call of appends) this.#track(this.#append(call))
    if (settles.length > 0 || appends.length > 0) this.#isStale = true
    this.#lease()
  }

  async #append(call: AppendCall): Promise<void> {
    try {
      const [runs, events] = (await this.#ask('append', this.#options.owner, call.count, ...call.args)) as [Run[], Event[]]
      tellAppends(call, runs, this.#settings.whenFull === 'drop-newest' ? undefined : () => this.full())
      this.#tell(events)
    } catch (thrown) {
      const error = BrokerError.from(thrown)
      for (const { append, count } of call.parts) append.watch.refused(count, error)
    }
  }

  async #settle(asks: readonly SettleAsk[]): Promise<void> {
    const { args, places } = settleArguments(asks, this.#settings.retry)
    try {
      const [found, events] = (await this.#ask('settle', this.#options.owner, ...args)) as [readonly number[], Event[]]
      const lost = new Set(found)
      // A later lease of the same message is none of theirs.
      for (const [at, { settlement: { position, attempt, verdict } }] of places.entries()) if ((verdict !== 'working' || lost.has(at + 1)) && this.#leased.get(position) === attempt) this.#leased.delete(position)
      this.#tell(events)
      tellSettled(asks, places, lost)
      this.#armRetries(events)
    } catch (thrown) {
      const error = BrokerError.from(thrown)
      for (const { done } of asks) done?.({ lost: [], error })
    }
  }

  async #forward(forward: Forward, call: ForwardCall, done: (outcome: SettleOutcome) => void): Promise<void> {
    try {
      const answer = await this.#ask('forward', ...call.args)
      const outcome = tellForward(forward, this.name, call, answer)
      if (outcome.error === undefined) this.#leased.delete(forward.position)
      done(outcome)
      this.#poke()
    } catch (error) {
      done(refuseForward(forward.to, BrokerError.from(error)))
    }
  }

  #lease(): void {
    if (this.#isLeasing || this.#isClosing || this.#problem !== undefined || this.isPaused || this.#balance <= 0) return
    this.#isLeasing = true
    this.#isStale = false
    this.#track(this.#leaseNow())
  }

  async #leaseNow(): Promise<void> {
    const wanted = Math.min(this.#balance, LEASE_MESSAGES)
    let mayHaveMore = false
    try {
      const [found, more, nextMs, events] = (await this.#ask('lease', this.#options.owner, wanted)) as [[number, number, Buffer][], number, number, Event[]]
      mayHaveMore = more === 1 || found.length === wanted
      this.#leases(found)
      this.#tell(events)
      this.#alarm.set(nextMs < 0 ? LOOK_EVERY_MS : Math.min(nextMs, LOOK_EVERY_MS))
    } catch {
      // Those that were granted and not told are given back when the connection is there again.
      this.#alarm.set(LOOK_EVERY_MS)
    }
    this.#isLeasing = false
    if (mayHaveMore || this.#isStale) this.#lease()
  }

  #leases(found: readonly (readonly [number, number, Buffer])[]): void {
    if (found.length === 0) return
    if (this.#isClosing) return void this.#untold.push(...found.map(([position]) => position))
    this.#balance -= found.length
    for (const [position, attempt] of found) this.#leased.set(position, attempt)
    this.#alarm.set(this.#settings.ackWaitMs)
    this.#options.listener.leased(found.map(([position, attempt, frame]) => ({ position, attempt, frame })))
  }

  async #tick(): Promise<void> {
    let nextMs = LOOK_EVERY_MS
    // The server's operator may have done what the refusal says.
    if (this.#problem?.code === 'store.durability') await this.#options.link.look().then(() => void (this.#tooWeak(this.#settings.durability) ?? this.rejoined()), () => {})
    if (this.#problem === undefined)
      try {
        const [over, next, events] = (await this.#ask('tick')) as [[number, number][], number, Event[]]
        this.#tell(events)
        if (next >= 0) nextMs = Math.min(next, nextMs)
        if (over.length > 0) await this.#end(over)
      } catch {
        // Told by the connection; what is left to do is looked for again.
      }
    this.#alarm.set(nextMs)
    this.#poke()
  }

  // Leases of any broker whose ack wait is over. Whoever is first decides.
  async #end(over: readonly (readonly [position: number, attempt: number])[]): Promise<void> {
    const args = over.flatMap(([position, attempt]) => ['over', position, attempt, Math.ceil(retryDelayMs(this.#settings.retry, Math.max(1, attempt))), 'ack wait over'])
    const [, events] = (await this.#ask('settle', this.#options.owner, 0, ...args)) as [number[], Event[]]
    for (const [, position, attempt] of events) if (this.#leased.get(position) === attempt) this.#leased.delete(position)
    this.#tell(events)
    this.#armRetries(events)
  }

  #armRetries(events: readonly Event[]): void {
    const firstMs = events.reduce((first, [, , , , dueAtMs]) => (dueAtMs === 0 ? first : Math.min(first, dueAtMs)), Infinity)
    if (firstMs < Infinity) this.#alarm.set(firstMs - Date.now())
  }

  #tell(events: readonly Event[]): void {
    if (events.length > 0) this.#options.listener.happened(events.map(eventOf))
  }

  // Positions of 'all' are those that are there when it begins.
  async #each(operation: Operation, which: 'waiting' | 'dead', selection: Selection): Promise<number> {
    let done = 0
    const some = async (positions: readonly number[]): Promise<boolean> => {
      for (let at = 0; at < positions.length; at += PAGE) {
        const [count, isFull, events] = (await this.#inOrder(operation, ...positions.slice(at, at + PAGE))) as [number, number, Event[]]
        done += count
        this.#tell(events)
        if (isFull === 1) return false
      }
      return true
    }
    if (selection !== 'all') await some(selection.toSorted((a, b) => a - b))
    else
      for (let after = 0; ; ) {
        const positions = (await this.#inOrder('positions', which, after)) as number[]
        if (positions.length === 0 || !(await some(positions))) break
        after = positions.at(-1)!
      }
    this.#poke()
    return done
  }

  // After all that was asked before it.
  #inOrder(operation: Operation, ...args: Argument[]): Promise<unknown> {
    this.#flush()
    const asked = this.#ask(operation, ...args)
    this.#track(asked.catch(() => {}))
    return asked
  }

  #ask(operation: Operation, ...args: Argument[]): Promise<unknown> {
    const bytes = operation === 'append' ? args.reduce<number>((sum, each) => sum + (typeof each === 'object' ? each.length : 0), 0) : 0
    return this.#options.link.ask(operation, this.#options.key, [this.settingsText, ...args], bytes)
  }

  #track(work: Promise<unknown>): void {
    const tracked: Promise<void> = work.then(() => {}, () => {}).finally(() => this.#work.delete(tracked))
    this.#work.add(tracked)
  }
}
