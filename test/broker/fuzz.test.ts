// Bytes of strangers: each gets a named error or is cut off, and nobody else notices.

import test, { type ExecutionContext } from 'ava'
import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { frames } from '../support/frames.ts'
import { codeOf, type JsonClient, type NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN, type PipelineRig } from '../support/pipeline.ts'
import { rigWithView } from '../support/pipeline-view.ts'
import { fuzzing } from '../support/fuzzing.ts'

const bounded = fuzzing(5000)

/** Changes to a valid input: `[where, what]`; what above 255 cuts the byte out. */
const mutations = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 300 })), { maxLength: 6 })
const cuts = fc.array(fc.nat(), { maxLength: 4 })

function mutate(bytes: Uint8Array, changes: readonly (readonly [number, number])[]): Uint8Array {
  let mutated = Uint8Array.from(bytes)
  for (const [where, what] of changes) {
    const at = mutated.length === 0 ? 0 : where % mutated.length
    if (what < 256) mutated[at] = what
    else mutated = Uint8Array.of(...mutated.subarray(0, at), ...mutated.subarray(at + 1))
  }
  return mutated
}

function arriveInPieces({ link }: NativeClient | JsonClient, bytes: Uint8Array, places: readonly number[]): void {
  const at = [0, ...places.map(place => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  for (const [i, from] of at.slice(0, -1).entries()) if (at[i + 1]! > from && !link.isClosed) link.arrive(bytes.subarray(from, at[i + 1]))
}

/** A broker with somebody who only wants to work, and whom strangers must not disturb. */
class Neighbourhood {
  readonly rig: PipelineRig = rigWithView()
  readonly #neighbour = this.rig.native({ client: 'neighbour' })

  constructor() {
    this.#neighbour.subscribe(1, 'quiet.street')
    this.#neighbour.frames()
  }

  /** Checks that nothing worse happened than errors with names. */
  check(t: ExecutionContext, codes: readonly unknown[]): void {
    t.false(codes.includes('internal.error'), codes.join(' '))
    t.deepEqual(this.rig.log.records.filter(({ level }) => level === 'error'), [])
    t.true(this.rig.core.accounts.totals().balanced)
    this.#neighbour.publish('quiet.street')
    // A broadcast reaches everybody, and may.
    t.deepEqual(this.#neighbour.frames().map(({ subject }) => subject).filter(subject => subject !== '$CB.all'), ['quiet.street'])
  }

  leave({ link }: NativeClient | JsonClient): void {
    link.hangUp()
    this.rig.turn()
  }
}

function nativeCodes(client: NativeClient): unknown[] {
  return client.frames().filter(({ kind, origin }) => origin === 0 && (kind === Kind.error || kind === Kind.goodbye)).map(codeOf)
}

function jsonCodes(client: JsonClient): unknown[] {
  return client.lines().filter(({ type }) => type === 'error' || type === 'goodbye').map(({ payload }) => (payload as { code: string }).code)
}

test('fuzz: any bytes as the first ones', t => {
  const place = new Neighbourhood()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (bytes, places) => {
      const stranger = place.rig.link()
      arriveInPieces(stranger, bytes, places)
      place.rig.turn()
      place.check(t, bytes[0] === 0 ? nativeCodes(stranger) : [])
      place.leave(stranger)
    }),
    bounded,
  )
  t.is(place.rig.core.directory.size, 1)
})

test('fuzz: a handshake with changes', t => {
  const place = new Neighbourhood()
  const hello = encodeFrame({ kind: Kind.hello, id: 1, payload: encode({ protocol: { min: 1, max: 1 }, client: 'stranger', auth: { token: OWNER_TOKEN } }) })
  const line = Buffer.from(`{"type":"hello","payload":{"token":"${OWNER_TOKEN}","client":"stranger"}}\n`)
  fc.assert(
    fc.property(mutations, cuts, (changes, places) => {
      const native = place.rig.link()
      const bytes = mutate(hello, changes)
      arriveInPieces(native, bytes, places)
      place.check(t, bytes[0] === 0 ? nativeCodes(native) : [])
      place.leave(native)
      const json = place.rig.jsonLink()
      const text = mutate(line, changes)
      arriveInPieces(json, text, places)
      place.check(t, text[0] === 0x7b ? jsonCodes(json) : [])
      place.leave(json)
    }),
    bounded,
  )
  t.is(place.rig.core.directory.size, 1)
})

test('fuzz: frames of every kind, changed, after the handshake', t => {
  const place = new Neighbourhood()
  const sent = fc.array(fc.tuple(frames, mutations), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(sent, cuts, (all, places) => {
      const stranger = place.rig.native()
      stranger.subscribe(1, '>')
      const bytes = Buffer.concat(all.map(([frame, changes], i) => mutate(encodeFrame({ ...frame, flags: frame.flags & 7, id: i + 10 }), changes)))
      arriveInPieces(stranger, bytes, places)
      place.check(t, nativeCodes(stranger))
      place.leave(stranger)
    }),
    bounded,
  )
  t.is(place.rig.pipeline.openRequests, 0)
  t.is(place.rig.core.interest.size, 1)
})

test('fuzz: envelopes with any members, after the handshake', t => {
  const place = new Neighbourhood()
  const type = fc.constantFrom('hello', 'proof', 'event', 'broadcast', 'request', 'response', 'part', 'error', 'cancel', 'subscribe', 'unsubscribe', 'ping', 'pong')
  const member = fc.constantFrom('id', 'ref', 'channel', 'subject', 'payload', 'headers', 'sender', 'timestamp', 'timeout', 'many', 'receipt', 'group', 'filter', 'subscription', 'version')
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom('events', 'a.b', '>', 1, true, '1.1'))
  const envelope = fc.tuple(type, fc.array(fc.tuple(member, value), { maxLength: 6 })).map(([kind, members]) => ({ type: kind, ...Object.fromEntries(members) }))
  fc.assert(
    fc.property(fc.array(envelope, { minLength: 1, maxLength: 5 }), mutations, cuts, (envelopes, changes, places) => {
      const stranger = place.rig.json()
      stranger.send({ type: 'subscribe', subject: 'a.>' })
      arriveInPieces(stranger, mutate(Buffer.from(envelopes.map(each => `${JSON.stringify(each)}\n`).join('')), changes), places)
      place.check(t, jsonCodes(stranger))
      place.leave(stranger)
    }),
    bounded,
  )
  t.is(place.rig.pipeline.openRequests, 0)
  t.is(place.rig.core.interest.size, 1)
})

test('fuzz: an endless frame takes no more memory than the limit, and announces its end by name', t => {
  const place = new Neighbourhood()
  const before = process.memoryUsage().arrayBuffers
  const strangers = Array.from({ length: 50 }, () => place.rig.link())
  const piece = Buffer.alloc(2000)
  // A length of almost 8 KiB, and never its last byte; then one byte too many is announced.
  for (const stranger of strangers) {
    stranger.link.arrive(Uint8Array.of(0, 0, 0x1f, 0xfc))
    for (let i = 0; i < 4; i++) stranger.link.arrive(piece)
  }
  t.true(process.memoryUsage().arrayBuffers - before < 50 * 4 * 8192)
  t.true(strangers.every(({ link }) => !link.isClosed))
  const greedy = place.rig.link()
  greedy.link.arrive(Uint8Array.of(0, 0, 0x1f, 0xfd))
  place.check(t, [])
  t.deepEqual(nativeCodes(greedy), ['frame.too_large'])
})
