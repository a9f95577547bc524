import test from 'ava'
import type { DeadEntry } from '../../../../broker/store/brokered/foreign-queue.ts'
import { DeadLetters } from '../../../../broker/store/kafka/dead-letters.ts'
import { Ledger, type Fact } from '../../../../broker/store/kafka/ledger.ts'

const entry = (position: number): DeadEntry => ({ position, frame: Buffer.from('frame'), messageId: undefined, session: undefined, sequence: 0, dueAtMs: 0, expiresAtMs: 0, storedAtMs: 1, attempts: 1, reason: 'term', atMs: Date.now(), history: [] })

/** A topic that takes all at once, and a journal that holds when it is told to. */
function parts() {
  const ledger = new Ledger()
  ledger.take({ by: 'me', claim: 'b1', at: 0 }, 0)
  const log = { next: 0, append: (_: unknown, done: (offset: number) => void) => done(log.next++), at: () => Promise.resolve([]) }
  const written: Fact[] = []
  const pending: (() => void)[] = []
  const write = (fact: Fact): Promise<void> =>
    new Promise(resolve => {
      written.push(fact)
      pending.push(() => {
        ledger.take({ by: 'me', ...fact }, written.length)
        resolve()
      })
    })
  const flush = async (): Promise<void> => {
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      next()
      await new Promise(setImmediate)
    }
  }
  return { dead: new DeadLetters(log, { ledger, write }, 0), flush, written }
}

test('kafka dead letters: the record of one that the journal does not have yet is not deleted', async t => {
  const { dead, flush } = parts()
  const burying = [dead.bury(entry(5)), dead.bury(entry(6))]
  await new Promise(setImmediate)
  t.is(dead.firstOffset, 0, 'both stand in the topic, and nobody else knows of them')
  await flush()
  await Promise.all(burying)
  t.is(dead.firstOffset, 0)
  const removing = dead.remove([5])
  await flush()
  await removing
  t.is(dead.firstOffset, 1)
})

test('kafka dead letters: any number of them is deleted in facts that fit into a record', async t => {
  const { dead, flush, written } = parts()
  const burying = Array.from({ length: 5001 }, (_, i) => dead.bury(entry(i + 1)))
  await new Promise(setImmediate)
  await flush()
  await Promise.all(burying)
  const removing = dead.remove('all')
  await flush()
  t.is(await removing, 5001)
  t.deepEqual(written.flatMap(fact => ('dug' in fact ? [fact.dug.length] : [])), [5000, 1])
  t.is(dead.size.dead, 0)
})
