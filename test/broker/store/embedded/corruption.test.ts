// Bytes and pages of every file of a store are damaged at random. Whatever is done: it is found and named or harmless, no wrong payload is
// delivered, nothing vanishes in silence, and what is intact comes out of a repair.
//
// CALLBOARD_TORTURE_ROUNDS=500 ava test/broker/store/embedded/corruption.test.ts --timeout=30m

import { ok } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { cpSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import type { KeySource } from '../../../../broker/ground/store-settings.ts'
import type { Damage } from '../../../../broker/ground/store.ts'
import { repairStore } from '../../../../broker/store/embedded/repair.ts'
import { verifyStore } from '../../../../broker/store/embedded/verify.ts'
import { isCovered } from '../../../support/damage-coverage.ts'
import { anyDamage, inflict, type FileDamage } from '../../../support/file-damage.ts'
import { QueueRig, textOf } from '../../../support/queue-rig.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { embeddedWorld, imageSettings, makeImage, type StoreImage } from '../../../support/store-image.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const rounds = Number(process.env['CALLBOARD_TORTURE_ROUNDS'] ?? 0)
const PAGE = 8192
const files = ['queues.db', 'queues.db', 'queues.db', 'queues.db-wal', 'queues.db-wal', 'queues.mark', 'queues.db-shm', 'queues.lock']
const ignore = (): void => {}

interface Seen {
  /** Texts by position that consumers got, or that wait for their time. */
  readonly there: ReadonlyMap<number, string>
  readonly dead: ReadonlyMap<number, string>
  /** What was told of damage; of no queue: the store could not be used. */
  readonly told: readonly Damage[]
}

/** What a broker gets out of the store. */
async function use(t: ExecutionContext, directory: string, keys: readonly KeySource[] | undefined): Promise<Seen> {
  const log = recordedLog()
  const [there, dead] = [new Map<number, string>(), new Map<number, string>()]
  const told = (): Damage[] => log.records.filter(({ level }) => level === 'error' || level === 'warn').map(({ fields, text }) => ('problem' in fields ? (fields as unknown as Damage) : { queue: '', problem: text }))
  let rig: QueueRig
  try {
    rig = await QueueRig.open(t, embeddedWorld(directory, { log, ...(keys && { keys }) }), imageSettings)
  } catch (error) {
    return { there, dead, told: [...told(), ofAll(error)] }
  }
  const problems: Damage[] = []
  try {
    rig.queue.demand(100_000)
    // Calls are answered in their order: when several in a row bring nothing more, there is nothing more.
    for (let quiet = 0, before = -1; quiet < 4; quiet = rig.leases.length === before ? quiet + 1 : 0) {
      before = rig.leases.length
      await rig.counts()
      await turn()
    }
    for (const { position, text } of rig.leases) there.set(position, text)
    for (const which of ['waiting', 'dead'] as const) {
      for (let after = 0; ; ) {
        const listed = await rig.queue.list({ which, after, limit: 1000 })
        for (const { position, frame } of listed) (which === 'waiting' ? there : dead).set(position, textOf(frame))
        if (listed.length === 0) break
        after = listed.at(-1)!.position
      }
    }
  } catch (error) {
    problems.push(ofAll(error))
  }
  problems.push(...rig.problems.flatMap(problem => (problem === undefined ? [] : [ofAll(problem)])))
  await rig.store.close().catch((error: unknown) => problems.push(ofAll(error)))
  return { there, dead, told: [...told(), ...problems] }
}

function ofAll(error: unknown): Damage {
  const { code, message } = BrokerError.from(error)
  return { queue: '', problem: `${code}: ${message}` }
}

/** What is delivered must be what was stored at that position. */
function wrong(image: StoreImage, { there, dead }: Seen): string[] {
  const faults: string[] = []
  for (const [position, text] of [...there, ...dead]) {
    const was = image.waiting.get(position) ?? image.dead.get(position)
    if (was === undefined ? !image.settled.has(text) : was !== text) faults.push(`position ${position} is ${text}, and was ${was ?? 'nothing'}`)
  }
  return faults
}

const missing = (image: StoreImage, { there, dead }: Seen): number[] => [...image.waiting.keys(), ...image.dead.keys()].filter(position => !there.has(position) && !dead.has(position))
const risen = (image: StoreImage, { there }: Seen): string[] => [...there.values()].filter(text => image.settled.has(text))

async function round(t: ExecutionContext, image: StoreImage, home: string, damages: readonly FileDamage[], keys: readonly KeySource[] | undefined): Promise<void> {
  const directory = join(home, 'broken')
  const copy = (name: string): string => {
    rmSync(join(home, name), { recursive: true, force: true })
    cpSync(directory, join(home, name), { recursive: true })
    return join(home, name)
  }
  rmSync(directory, { recursive: true, force: true })
  cpSync(image.directory, directory, { recursive: true })
  for (const damage of damages) inflict(directory, damage, PAGE)

  // What the files say before anybody opens them, as `queue verify` of a broker that is down; a repair looks the same way.
  const looked = copy('looked')
  const seen = await use(t, copy('used'), keys)
  const repaired = await repairStore({ directory: looked, isDryRun: false, names: ['jobs'] }, ignore).catch((error: unknown) => BrokerError.from(error))
  if (repaired instanceof BrokerError) {
    ok(repaired.message.includes('no message could be salvaged'), repaired.message)
    ok(seen.there.size + seen.dead.size === 0, `repair saves nothing, and ${seen.there.size} and ${seen.dead.size} messages can be read`)
    return
  }
  const reported = [...seen.told, ...repaired.damages]
  // Thrown, and not AVA's: so that fast-check says which damages it were.
  const none = (faults: readonly unknown[], what: string): void => ok(faults.length === 0, `${what}: ${JSON.stringify(faults.slice(0, 10))}; told: ${JSON.stringify(reported)}`)
  const unnamed = (after: Seen, told: readonly Damage[]): number[] => missing(image, after).filter(position => !isCovered(told, 'jobs', position))
  none(wrong(image, seen), 'a wrong payload')
  none(unnamed(seen, reported), 'vanished, and no damage that was told accounts for it')
  if (reported.length === 0) none(risen(image, seen), 'settled, and came back in silence')
  none((await verifyStore({ directory: looked }, ignore)).damages, 'damaged after the repair')
  const after = await use(t, looked, keys)
  none(wrong(image, after), 'made up by the repair')
  none(unnamed(after, repaired.damages), 'gone after the repair, and it did not say so')
  none(missing(image, after).filter(position => seen.there.has(position) || seen.dead.has(position)), `could be read before the repair (${JSON.stringify(after.told)})`)
}

/** What was found so, and mended. */
const examples: [FileDamage[]][] = [
  // A row of the table of queues whose name is null.
  [[{ file: 'queues.db-wal', how: 'delete', at: 0.031243, to: 0.056071, length: 10 }, { file: 'queues.db', how: 'cut', at: 0.111605, to: 0.757013, length: 9089 }]],
  // A database of which nothing but four bytes is left, beside its log.
  [[{ file: 'queues.db', how: 'cut', at: 0.000013, to: 0, length: 33 }]],
  // SQLite's own table of last numbers: the store did not open, and nothing was found that a repair would have mended.
  [[{ file: 'queues.db', how: 'page zero', at: 0.18004, to: 0.470603, length: 55 }]],
  // The last commit, and of the mark the slot that noted it: the other slot said that all was there.
  [[{ file: 'queues.db-wal', how: 'cut', at: 0.18, to: 0, length: 1 }, { file: 'queues.mark', how: 'flip', at: 0.0001, to: 0, length: 1 }]],
  [[{ file: 'queues.db-wal', how: 'cut', at: 0.18, to: 0, length: 1 }, { file: 'queues.mark', how: 'flip', at: 0.5001, to: 0, length: 1 }]],
  // The log from its header or its middle on, and the mark: a repair said nothing of the commits behind the damage, and left them behind.
  [[{ file: 'queues.mark', how: 'double', at: 0.00001, to: 0, length: 58 }, { file: 'queues.db-wal', how: 'flip', at: 0.000016, to: 0, length: 14 }]],
  [[{ file: 'queues.mark', how: 'remove', at: 0, to: 0, length: 1 }, { file: 'queues.db-wal', how: 'page swap', at: 0.241372, to: 0.226549, length: 6 }]],
  // Zeros in the place of what the mark had noted last: the slot counted as one that was never written.
  [[{ file: 'queues.db-wal', how: 'cut', at: 0.18, to: 0, length: 1 }, { file: 'queues.mark', how: 'page copy', at: 0.387825, to: 0.028663, length: 53 }]],
  [[{ file: 'queues.db-wal', how: 'cut', at: 0.18, to: 0, length: 1 }, { file: 'queues.mark', how: 'page copy', at: 0.387825, to: 0.51, length: 53 }]],
  // Nothing but the mark.
  [[{ file: 'queues.db', how: 'cut', at: 0, to: 0, length: 0 }, { file: 'queues.db-wal', how: 'cut', at: 0, to: 0, length: 0 }]],
]

for (const kind of ['plain', 'encrypted'] as const) {
  test(`corruption: found or harmless, and what is intact is salvaged (${kind})`, async t => {
    const home = temporaryDirectory(t)
    const key = join(home, 'key')
    writeFileSync(key, randomBytes(32).toString('base64'), { mode: 0o600 })
    const keys = kind === 'plain' ? undefined : [{ file: key }]
    const image = await makeImage(t, home, keys)
    await fc.assert(fc.asyncProperty(fc.array(anyDamage(files), { minLength: 1, maxLength: 3 }), damages => round(t, image, home, damages, keys)), {
      // No limit of time: fast-check would leave a round that runs on behind, which finds its files gone.
      numRuns: rounds > 0 ? rounds : 5,
      endOnFailure: true,
      includeErrorInReport: true,
      examples,
    })
  })
}
