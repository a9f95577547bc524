// Forwards to queues that are nearly full: all of their messages have room, or nothing happens and the lease is held.

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { EngineRig } from '../../../support/engine-rig.ts'
import { appendOf } from '../../../support/queue-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** Of what came last on lease, to a queue by its number. */
function forward(rig: EngineRig, from: number, to: number, texts: readonly string[]): void {
  const { position, attempt } = rig.leases.at(-1)!
  rig.turn((turn) => turn.forward(from, { position, attempt, to: texts.map((text) => ({ queue: String(to), append: appendOf([text], {}, () => {}, 'os') })) }))
}

function counts(rig: EngineRig, queue: number): object {
  return rig.call({ name: 'counts', body: { queue } }) as object
}

test('engine: what would make room for a forward and turns out to be damaged makes none, and the message that was to be forwarded stays', (t) => {
  const rig = new EngineRig()
  const to = rig.queue('next', { maxMessages: 3, whenFull: 'drop-oldest' })
  rig.append(to, ['held', 'damaged', 'whole'])
  rig.demand(to, 1)
  rig.engine.state.database.sql.exec(`UPDATE waiting_${to} SET stored_at = stored_at + 1 WHERE position = 2`)
  const from = rig.queue()
  rig.demand(from, 1)
  rig.append(from, 'in')
  const before = rig.outcomes.length
  forward(rig, from, to, ['one', 'two'])
  t.deepEqual(rig.outcomes.slice(before), ['2 refused 1 queue.full', '3 refused 1 queue.full', '4 unsettled queue.full'])
  t.deepEqual(rig.damages, ['next 2: the checksum does not fit'])
  t.like(counts(rig, from), { inFlight: 1, forwarded: 0 })
  t.like(counts(rig, to), { stored: 3, deadLettered: 0, damaged: 1 })
  // For one of them there is room.
  forward(rig, from, to, ['one'])
  t.like(counts(rig, from), { inFlight: 0, forwarded: 1 })
  t.like(counts(rig, to), { stored: 4, deadLettered: 1 })
})

test('engine: of an encrypted queue the bytes of the seals count, when several messages are forwarded to it', (t) => {
  const directory = temporaryDirectory(t)
  const file = join(directory, 'key')
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  const rig = new EngineRig(join(directory, 'store'), { encryption: { keys: [{ file }] } })
  const size = appendOf(['one'], {}, () => {}, 'os').bytes.length
  // Two frames, and what the seal adds to the first one but for one byte.
  const to = rig.queue('next', { maxBytes: 2 * size + 43 })
  const from = rig.queue()
  rig.demand(from, 1)
  rig.append(from, 'in')
  forward(rig, from, to, ['one', 'two'])
  t.like(counts(rig, from), { inFlight: 1, forwarded: 0 })
  t.like(counts(rig, to), { stored: 0 })
  rig.change(to, { ...rig.engine.queues.get(to)!.settings, maxBytes: 2 * size + 44 })
  forward(rig, from, to, ['one', 'two'])
  t.like(counts(rig, from), { inFlight: 0, forwarded: 1 })
  t.like(counts(rig, to), { stored: 2 })
  rig.engine.close()
})
