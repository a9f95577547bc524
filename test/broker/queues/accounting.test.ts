// Whatever a store answers, in whatever pieces: every message that was accepted has one fate, and every publisher that asked one answer.

import test from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import type { Append } from '../../../broker/ground/store.ts'
import { Flag, Kind } from '../../../broker/wire/layout.ts'
import { QueuePipeline } from '../../support/queue-pipeline.ts'

type Answer = 'stored' | 'duplicate' | 'refused' | 'dropped'
type Step =
  | { readonly kind: 'run'; readonly count: number; readonly asks: boolean }
  | { readonly kind: 'message'; readonly asks: 'receipt' | 'fates' | 'nothing' }
  | { readonly kind: 'answer'; readonly answer: Answer; readonly count: number }
  | { readonly kind: 'away' }
  | { readonly kind: 'leave' }

const steps = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run' as const), count: fc.integer({ min: 1, max: 5 }), asks: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('message' as const), asks: fc.constantFrom('receipt' as const, 'fates' as const, 'nothing' as const) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), answer: fc.constantFrom<Answer>('stored', 'duplicate', 'refused', 'dropped'), count: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('away' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave' as const) }) },
)

/** A store that answers in pieces, when it is told to. */
class Pieces {
  readonly #waiting: { readonly append: Append; left: number }[] = []
  #position = 0

  append(append: Append): void {
    this.#waiting.push({ append, left: append.count })
  }

  answer(answer: Answer, most: number): void {
    const first = this.#waiting[0]
    if (first === undefined) return
    const count = Math.min(most, first.left)
    first.left -= count
    if (first.left === 0) this.#waiting.shift()
    const { watch } = first.append
    if (answer === 'refused') watch.refused(count, new BrokerError('queue.full', { queue: 'jobs' }))
    else if (answer === 'dropped') watch.dropped(count)
    else watch.stored((this.#position += count) - count + 1, count, answer === 'duplicate')
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }
}

test('queue accounting: every message has one fate, and who asked has one answer, however the store answers', async t => {
  await fc.assert(
    fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 60, size: 'max' }), async history => {
      const rig = new QueuePipeline()
      const kept = await rig.openQueue('jobs')
      const pieces = new Pieces()
      kept.append = append => pieces.append(append)
      const account = rig.core.accounts.channel('jobs')!
      let client = rig.native()
      let published = 0
      let asked = new Map<number, string>()
      const check = (): void => {
        t.is(account.imbalance, 0)
        t.is(account.accepted, published)
        t.true(rig.core.accounts.totals().balanced)
      }
      const hear = (): void => {
        for (const { kind, ref, body } of client.frames()) {
          if (kind === Kind.error) {
            const count = (body as { details: { count?: number } }).details.count ?? 1
            for (let id = ref; id < ref + count; id++) asked.delete(id)
          } else {
            t.is(kind, Kind.receipt)
            t.true(asked.delete(ref), 'one answer to each')
          }
        }
      }
      const take = async (step: Step): Promise<void> => {
        if (step.kind === 'run') {
          if (step.asks) for (let n = 0; n < step.count; n++) asked.set(client.nextId + n, 'receipt')
          client.link.arrive(Buffer.concat(Array.from({ length: step.count }, () => client.frame({ kind: Kind.publish, subject: 'jobs', flags: step.asks ? Flag.receipt : 0 }))))
          published += step.count
        } else if (step.kind === 'message') {
          const headers = step.asks === 'fates' ? { receipt: 'delivered' } : undefined
          const id = client.send({ kind: Kind.publish, subject: 'jobs.x', flags: step.asks === 'nothing' ? 0 : Flag.receipt, ...(headers === undefined ? {} : { headers }) })
          published++
          if (step.asks !== 'nothing') asked.set(id, step.asks)
        } else if (step.kind === 'answer') pieces.answer(step.answer, step.count)
        else if (step.kind === 'away') {
          const { queues } = rig.core
          queues.away(new BrokerError('store.failed', { backend: 'memory', problem: 'gone' }))
          await take({ kind: 'run', count: 2, asks: true })
          await queues.back(rig.store)
          rig.store.queues.get('jobs')!.append = append => pieces.append(append)
        } else {
          client.link.destroy()
          client = rig.native()
          asked = new Map()
        }
        await rig.settle()
        hear()
        check()
      }
      for (const step of history) await take(step)
      while (!pieces.isEmpty) await take({ kind: 'answer', answer: 'stored', count: 3 })
      t.deepEqual([...asked], [])
      t.is(account.pending, 0)
      t.is(account.stored + account.dropped['not-stored'] + account.dropped.overflow, published)
      t.like(rig.core.queues.load, { bytes: 0, messages: 0 })
      rig.pipeline.close()
    }),
    { numRuns: 40 },
  )
})
