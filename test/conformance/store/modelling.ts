// Random runs against every store, compared with a queue as plain data after each step.

import type { ExecutionContext } from 'ava'
import fc from 'fast-check'
import type { Story, StoreSubject } from './story.ts'
import { QueueRig, type Taken } from '../../support/queue-rig.ts'

const MAX_ATTEMPTS = 3
const MAX_MESSAGES = 12

type Step =
  | { readonly do: 'append'; readonly count: number }
  | { readonly do: 'repeat'; readonly pick: number }
  | { readonly do: 'lease'; readonly count: number }
  | { readonly do: 'ack' | 'nak' | 'term' | 'release' | 'ack twice'; readonly picks: readonly number[] }
  | { readonly do: 'replay' | 'purge dead' | 'purge waiting'; readonly pick: number | undefined }
  | { readonly do: 'pause' | 'reopen' }

const nat = fc.nat({ max: 1000 })
const stepOf = (withRestart: boolean): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('append' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('repeat' as const), pick: nat }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant('lease' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    { weight: 10, arbitrary: fc.record({ do: fc.constantFrom('ack' as const, 'nak' as const, 'nak' as const, 'term' as const, 'release' as const, 'ack twice' as const), picks: fc.array(nat, { minLength: 1, maxLength: 4 }) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('replay' as const, 'purge dead' as const, 'purge waiting' as const), pick: fc.option(nat, { nil: undefined }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('pause' as const, ...(withRestart ? ['reopen' as const] : [])) }) },
  )

const pickOf = <T>(items: readonly T[], pick: number): T | undefined => items[pick % Math.max(1, items.length)]

/** A queue as plain data: what is where, by text; positions are the store's. */
class Model {
  /** Attempts of what may be leased. */
  readonly ready = new Map<string, number>()
  readonly leased = new Map<string, Taken>()
  readonly dead = new Map<string, number>()
  /** Of every message that was stored with its text as id: duplicates are told these. */
  readonly ids = new Map<string, number>()
  stored = 0
  duplicates = 0
  acked = 0
  deadLettered = 0
  purged = 0
  replayed = 0
  retried = 0
  isPaused = false

  counts(): object {
    const { ready, leased, dead, stored, duplicates, acked, deadLettered, purged, replayed, retried } = this
    return { ready: ready.size, inFlight: leased.size, deadLetters: dead.size, stored, duplicates, acked, deadLettered, purged, replayed, retried, delayed: 0, held: 0, expired: 0, dropped: 0, forwarded: 0 }
  }

  get waiting(): number {
    return this.ready.size + this.leased.size
  }

  bury({ text, position }: Taken): void {
    this.leased.delete(text)
    this.dead.set(text, position)
    this.deadLettered++
  }
}

class Run {
  readonly #t: ExecutionContext
  readonly #rig: QueueRig
  readonly #model = new Model()
  #made = 0

  constructor(t: ExecutionContext, rig: QueueRig) {
    this.#t = t
    this.#rig = rig
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'append') await this.#append(step.count)
    else if (step.do === 'repeat') await this.#repeat(step.pick)
    else if (step.do === 'lease') await this.#lease(step.count)
    else if ('picks' in step) await this.#settle(step.do, step.picks)
    else if ('pick' in step) await this.#tidy(step.do, step.pick)
    else await this.#turn(step.do)
    await this.#rig.counted(this.#model.counts())
    this.#t.is(this.#rig.unexpected, 0)
  }

  async #append(count: number): Promise<void> {
    const model = this.#model
    for (let i = 0; i < count; i++) {
      const text = `t${this.#made++}`
      const [fate] = await this.#rig.append(text, { messageId: text })
      if (model.waiting >= MAX_MESSAGES) this.#t.deepEqual(fate, { refused: 'queue.full' })
      else {
        const position = (fate as { position: number }).position
        this.#t.deepEqual(fate, { position, isDuplicate: false })
        model.stored++
        model.ready.set(text, 0)
        model.ids.set(text, position)
      }
    }
  }

  async #repeat(pick: number): Promise<void> {
    const model = this.#model
    const text = pickOf([...model.ids.keys()].filter(id => model.ready.has(id) || model.leased.has(id)), pick)
    if (text === undefined) return
    this.#t.deepEqual(await this.#rig.append(`copy of ${text}`, { messageId: text }), [{ position: model.ids.get(text)!, isDuplicate: true }])
    model.duplicates++
  }

  async #lease(count: number): Promise<void> {
    const model = this.#model
    const wanted = model.isPaused ? 0 : Math.min(count, model.ready.size)
    if (wanted === 0) return
    for (const message of await this.#rig.take(wanted)) {
      const { text, attempt } = message
      this.#t.is(attempt, (model.ready.get(text) ?? Number.NaN) + 1, `${text} is ready, and its attempts are counted`)
      model.ready.delete(text)
      model.leased.set(text, message)
    }
  }

  async #settle(what: 'ack' | 'nak' | 'term' | 'release' | 'ack twice', picks: readonly number[]): Promise<void> {
    const model = this.#model
    const messages = [...new Set(picks.map(pick => pickOf([...model.leased.values()], pick)))].filter(message => message !== undefined)
    const verdict = what === 'ack twice' ? 'ack' : what
    await this.#rig.does(verdict, messages, verdict === 'nak' ? { delayMs: 0, reason: 'random' } : {})
    for (const message of messages) {
      const { text, attempt } = message
      if (verdict === 'term' || (verdict === 'nak' && attempt === MAX_ATTEMPTS)) model.bury(message)
      else model.leased.delete(text)
      if (verdict === 'ack') model.acked++
      if (verdict === 'nak' && attempt < MAX_ATTEMPTS) {
        model.retried++
        model.ready.set(text, attempt)
      }
      if (verdict === 'release') model.ready.set(text, attempt - 1)
    }
    if (what !== 'ack twice' || messages.length === 0) return
    const { lost } = await this.#rig.settle(...messages.map(({ position, attempt }) => ({ position, attempt, verdict: 'ack' as const })))
    this.#t.deepEqual(lost.toSorted((a, b) => a - b), messages.map(({ position }) => position).toSorted((a, b) => a - b))
  }

  async #tidy(what: 'replay' | 'purge dead' | 'purge waiting', pick: number | undefined): Promise<void> {
    const [model, { queue }] = [this.#model, this.#rig]
    const from = what === 'purge waiting' ? model.ready : model.dead
    const listed = (await queue.list({ which: what === 'purge waiting' ? 'waiting' : 'dead', after: 0, limit: 1000 })).filter(({ state }) => state !== 'in-flight')
    this.#t.is(listed.length, from.size)
    // A full queue has no room for what is replayed: what becomes of that then is each store's.
    if (what === 'replay' && model.waiting + (pick === undefined ? from.size : 1) > MAX_MESSAGES) return
    const texts = pick === undefined ? [...from.keys()] : [pickOf([...from.keys()], pick)].filter(text => text !== undefined)
    const positions = new Map(listed.map(({ position, messageId }) => [messageId!, position]))
    const selection = pick === undefined ? 'all' : texts.map(text => positions.get(text)!)
    const done = what === 'replay' ? await queue.replay(selection) : await queue.purge(what === 'purge dead' ? 'dead' : 'waiting', selection)
    this.#t.is(done, texts.length)
    for (const text of texts) {
      from.delete(text)
      if (what === 'replay') {
        model.ready.set(text, 0)
        // It may stand elsewhere now, so nothing is said about copies of it.
        model.ids.delete(text)
        model.replayed++
      } else if (what === 'purge waiting') model.purged++
    }
  }

  async #turn(what: 'pause' | 'reopen'): Promise<void> {
    const model = this.#model
    if (what === 'pause') await this.#rig.queue.pause((model.isPaused = !model.isPaused))
    // Where all attempts are used up and the last one ends with the store, it is each store's whether another one follows.
    else if (![...model.leased.values()].some(({ attempt }) => attempt === MAX_ATTEMPTS)) {
      await this.#rig.reopen()
      for (const [text, { attempt }] of model.leased) model.ready.set(text, attempt)
      model.leased.clear()
    }
    this.#t.is(this.#rig.queue.isPaused, model.isPaused)
  }
}

export function modelling(story: Story, { lacks, runs }: StoreSubject): void {
  const withRestart = !lacks.includes('restart') && !lacks.includes('attempts over restarts')
  story('any run of appends, leases, settlements, replays, purges and restarts leaves what it should, each counted once', async (t, world) => {
    let made = 0
    await fc.assert(
      fc.asyncProperty(fc.array(stepOf(withRestart), { minLength: 5, maxLength: 40 }), async steps => {
        const rig = await QueueRig.open(t, { open: broker => world.open(broker), queue: `${world.queue}-${made++}` }, { maxMessages: MAX_MESSAGES, ackWaitMs: 600_000, retry: { maxAttempts: MAX_ATTEMPTS }, deduplication: { enabled: true, windowMs: 600_000 } })
        const run = new Run(t, rig)
        for (const step of steps) await run.step(step)
        await rig.queue.close()
        await rig.store.close()
      }),
      { numRuns: runs, endOnFailure: true },
    )
  })
}
