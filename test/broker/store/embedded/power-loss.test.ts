// The machine loses power while the store works: whatever part of what was not synced reached the disk, what was promised is there.
// The store's system calls are recorded, and its files rebuilt as they may have been at many moments. `npm run torture` looks at hundreds.

import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { ExecutionContext } from 'ava'
import { defaultStore } from '../../../../broker/ground/store-settings.ts'
import type { StoredMessage, StoredQueue } from '../../../../broker/ground/store.ts'
import { openEmbedded } from '../../../../broker/store/embedded/open.ts'
import { decodeFrame } from '../../../../broker/wire/frame.ts'
import { historyProblems } from '../../../support/queue-history-checks.ts'
import { expectForwards, type QueueHistory } from '../../../support/queue-history.ts'
import { LossyDisk, startMachine } from '../../../support/power-loss.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { seededRandom } from '../../../support/seeded-random.ts'
import { appendOf, path as program, programQueue, readWords, type Word } from '../../../support/store-program.ts'
import { readCalls, straceInto, straceTest, type SystemCall } from '../../../support/system-calls.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const IMAGES = Number(process.env['CALLBOARD_TORTURE_POWER_LOSSES'] ?? 8)
const SEED = Number(process.env['CALLBOARD_TORTURE_SEED'] ?? randomInt(2 ** 31))
/** In torture the log grows beyond what SQLite writes back at a time, 32 MiB. */
const [MESSAGES, LARGEST] = IMAGES > 100 ? [900, 8000] : [45, 300]

/** Runs the store's program under strace; its calls. */
async function record(t: ExecutionContext, directory: string): Promise<AsyncGenerator<SystemCall>> {
  const trace = join(temporaryDirectory(t), 'calls')
  const [strace, ...words] = straceInto(trace)
  const child = spawn(strace!, [...words, process.execPath, program, directory, String(SEED), String(MESSAGES), String(LARGEST)], { stdio: ['ignore', 'ignore', 'pipe'] })
  let complaints = ''
  child.stderr.on('data', chunk => (complaints += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the program ended with ${code}: ${complaints}`)
  return readCalls(trace)
}

/** Opens the store on an image and holds it against what the program had been told. */
async function judge(t: ExecutionContext, directory: string, told: readonly Word[], place: string): Promise<void> {
  const histories = readWords(told)
  const log = recordedLog()
  const store = await openEmbedded({ settings: defaultStore, directory, log, broker: 'b1' })
  t.teardown(() => store.close())
  const listener = { leased: () => {}, happened: () => {}, stateChanged: () => {} }
  for (const [history, name] of [[histories.j, 'jobs'], [histories.d, 'done']] as const) {
    const queue = await store.open(name, programQueue, listener)
    const waiting = await contents(queue, 'waiting')
    for (const message of waiting) history.left('waiting', message.position, idOf(message))
    for (const message of await contents(queue, 'dead')) history.left('dead', message.position, idOf(message))
    if (name === 'done') expectForwards(histories.j, history, id => `${id}-done`)
    t.deepEqual(historyProblems(history), [], `${place}, ${name}`)
    // An attempt is on the disk before anybody hears of it.
    const attempts = new Map(waiting.map(message => [message.position, message.attempts]))
    t.deepEqual(history.deliveries.filter(({ position, attempt }) => (attempts.get(position) ?? Infinity) < attempt), [], `${place}, ${name}: attempts that are forgotten`)
    await republish(t, queue, history, `${place}, ${name}`)
    await queue.close()
  }
  await store.close()
  t.deepEqual(log.records.filter(({ level }) => level === 'error'), [], place)
}

/** A repeat of what was acknowledged is told the place of the first; what is new gets a place that nobody had. */
async function republish(t: ExecutionContext, queue: StoredQueue, history: QueueHistory, place: string): Promise<void> {
  const publish = (id: string): Promise<readonly [position: number, isDuplicate: boolean]> =>
    new Promise(resolve => queue.append(appendOf(id, undefined, 20, (position, isDuplicate) => resolve([position, isDuplicate]))))
  const taken = new Set(history.deliveries.map(({ position }) => position))
  for (const { id, positions } of history.published.values()) {
    for (const position of positions) {
      taken.add(position)
      t.deepEqual(await publish(id), [position, true], `${place}: ${id} again`)
    }
  }
  const [position] = await publish('new')
  t.false(taken.has(position), `${place}: ${position} is given for the second time`)
}

async function contents(queue: StoredQueue, which: 'waiting' | 'dead'): Promise<StoredMessage[]> {
  const all: StoredMessage[] = []
  for (;;) {
    const some = await queue.list({ which, after: all.at(-1)?.position ?? 0, limit: 1000 })
    if (some.length === 0) return all
    all.push(...some)
  }
}

function idOf({ frame }: StoredMessage): string {
  return String(decodeFrame(frame, 0, frame.length).headers!['id'])
}

straceTest('power loss: what was acknowledged, settled and counted is there, whatever the disk kept of the rest', async t => {
  t.timeout(180_000 + IMAGES * 2000)
  const directory = temporaryDirectory(t)
  const calls: SystemCall[] = []
  for await (const call of await record(t, join(directory, 'store'))) calls.push(call)
  const random = seededRandom(SEED)
  // Half of the moments follow a call that writes or syncs; the others are those at which something was just promised.
  const words = calls.flatMap((call, i) => (call.kind === 'write' && call.fd === 1 ? [i] : []))
  t.true(words.length > MESSAGES, 'the program said what it did')
  const moments = new Set(Array.from({ length: IMAGES }, (_, i) => (i % 2 === 0 ? random.between(0, calls.length - 1) : random.pick(words))))
  // One while the files are being made.
  moments.add(random.between(0, words[0]!))
  const disk = new LossyDisk(join(directory, 'store'))
  const told: Word[] = []
  let seen = 0
  for (const [i, call] of calls.entries()) {
    if (call.kind === 'write' && call.fd === 1) told.push(JSON.parse(call.bytes.toString()) as Word)
    else if (disk.apply(call)) seen++
    if (!moments.has(i)) continue
    const image = join(directory, `image-${i}`)
    const isStrict = random.next() < 0.3
    disk.image(image, isStrict ? undefined : random)
    startMachine(image)
    await judge(t, image, told, `seed ${SEED}, call ${i} of ${calls.length}${isStrict ? ', nothing unsynced' : ''}`)
  }
  t.true(seen > MESSAGES, 'the files were followed')
  t.log(`seed ${SEED}: ${calls.length} calls, ${words.length} words, ${moments.size} losses of power`)
})
