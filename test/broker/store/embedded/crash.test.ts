// kill -9 at each named place of the store: what was told before it holds after it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { defaultStore } from '../../../../broker/ground/store-settings.ts'
import type { QueueCounts, QueueStore, StoredMessage } from '../../../../broker/ground/store.ts'
import { openEmbedded } from '../../../../broker/store/embedded/open.ts'
import { atOnce } from '../../../support/at-once.ts'
import { queueSettings, textOf } from '../../../support/queue-rig.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const victim = join(import.meta.dirname, '../../../support/store-victim.ts')
const few = atOnce(2)

interface Left {
  readonly waiting: ReadonlyMap<number, StoredMessage>
  readonly dead: ReadonlyMap<number, StoredMessage>
  readonly counts: QueueCounts
}

async function left(store: QueueStore, name: string): Promise<Left> {
  const queue = await store.open(name, queueSettings(), { leased() {}, happened() {}, stateChanged() {} })
  const all = async (which: 'waiting' | 'dead'): Promise<Map<number, StoredMessage>> => {
    const messages = new Map<number, StoredMessage>()
    for (let after = 0, page; (page = await queue.list({ which, after, limit: 1000 })).length > 0; after = page.at(-1)!.position) for (const message of page) messages.set(message.position, message)
    return messages
  }
  return { waiting: await all('waiting'), dead: await all('dead'), counts: await queue.counts() }
}

/** What is wrong after the crash, a sentence each. */
function problems(lines: readonly string[], jobs: Left, next: Left): string[] {
  const found: string[] = []
  const settling = new Map<number, string>()
  const settled = new Map<number, string>()
  const forwarded = new Set([...next.waiting.values()].map(({ frame }) => textOf(frame)))
  for (const [what, place, detail] of lines.map((line) => line.split(' '))) {
    const position = Number(place)
    if (what === 'settling') settling.set(position, detail!)
    if (what === 'settled') settled.set(position, detail!)
  }
  for (const [what, place, detail, leasedText] of lines.map((line) => line.split(' '))) {
    const position = Number(place)
    const message = jobs.waiting.get(position) ?? jobs.dead.get(position)
    if (what === 'stored') {
      if (position === 0) found.push(`${detail} was refused`)
      const isGone = message === undefined
      const verdict = settling.get(position)
      if (isGone && verdict !== 'ack' && verdict !== 'forward') found.push(`${position} was stored and is gone (${verdict})`)
      if (message !== undefined && textOf(message.frame) !== detail) found.push(`${position} was ${detail} and is ${textOf(message.frame)}`)
    } else if (what === 'leased') {
      const attempt = Number(detail)
      const isReleased = settling.get(position) === 'release'
      if (message !== undefined && message.attempts < attempt - Number(isReleased)) found.push(`attempt ${attempt} of ${position} was told, and ${message.attempts} are counted`)
      if (attempt > 2) found.push(`attempt ${attempt} of ${position}`)
      if (settling.get(position) === 'forward' && forwarded.has(`next of ${leasedText}`) === jobs.waiting.has(position)) found.push(`${position} is ${jobs.waiting.has(position) ? 'in both queues' : 'in neither'}`)
    }
  }
  for (const [position, verdict] of settled) {
    if ((verdict === 'ack' || verdict === 'forward') && (jobs.waiting.has(position) || jobs.dead.has(position))) found.push(`${position} was settled (${verdict}) and is back`)
    if (verdict === 'term' && !jobs.dead.has(position)) found.push(`${position} is no dead letter`)
  }
  for (const { counts } of [jobs, next]) {
    const { stored, acked, forwarded: away, deadLettered, ready, delayed, held, inFlight, damaged = 0 } = counts
    if (stored !== acked + away + deadLettered + ready + delayed + held + inFlight || damaged > 0) found.push(`counted wrong: ${JSON.stringify(counts)}`)
  }
  return found
}

// Far enough in that something of every sort has happened before.
const places = ['store.before-insert@60', 'store.before-commit@25', 'store.after-commit@25', 'store.before-lease@9', 'store.after-settle@25', 'store.in-forward@6', 'store.in-dead-letter@6']

for (const place of places) {
  test(`store: killed at ${place.split('@')[0]}, nothing that was told is undone`, few(async (t: ExecutionContext) => {
    const home = temporaryDirectory(t)
    const directory = join(home, 'store')
    const diary = join(home, 'diary')
    const child = spawn(process.execPath, [victim, directory, diary], { env: { ...process.env, CALLBOARD_FAIL_POINT: place }, stdio: ['ignore', 'ignore', 'inherit'] })
    t.teardown(() => child.kill('SIGKILL'))
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
    const said = readFileSync(diary, 'utf8')
    t.is(signal, 'SIGKILL', `the place was not come by: ${said.slice(-100)}`)
    const log = recordedLog()
    const store = await openEmbedded({ settings: defaultStore, directory, log, broker: 'b1' })
    t.teardown(() => store.close())
    const lines = said.split('\n').filter((line) => line !== '')
    t.true(lines.some((line) => line.startsWith('stored')), 'it got nowhere')
    t.deepEqual(problems(lines, await left(store, 'jobs'), await left(store, 'next')), [])
    t.deepEqual(log.records.filter(({ level }) => level === 'error'), [])
  }))
}
