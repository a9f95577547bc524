// Sessions of NATS clients with mistakes in them: each gets an answer of the protocol or is cut off, and nobody else notices.

import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { natsMessages } from '../../support/nats-text.ts'
import { OWNER_TOKEN, type PipelineRig } from '../../support/pipeline.ts'
import { rigWithView } from '../../support/pipeline-view.ts'
import type { JsonClient, NativeClient, NatsMemoryClient } from '../../support/memory-client.ts'
import { headerBlocks } from '../../support/nats-headers.ts'
import { writeHeaderBlock } from '../../../broker/wire/nats/header-block.ts'
import { fuzzing } from '../../support/fuzzing.ts'
import { anyText } from '../../support/any-text.ts'

const bounded = fuzzing(3000)

const subject = fc.constantFrom('a', 'a.b', 'a.b.c', '_INBOX.x.1', 'ask', '$CB.all', '$CB.api.ping', '$CB.reply.1.1', 'events')
const pattern = fc.constantFrom('a', 'a.*', 'a.>', '_INBOX.>', '*', '$CB.all')
const sid = fc.constantFrom('1', '2', 'x')
const reply = fc.oneof(fc.constant(''), fc.constantFrom('_INBOX.x.1 ', 'a.b ', 'answers '))
const payload = anyText({ maxLength: 60 }).map(text => Buffer.from(text))

const block = fc.oneof(
  headerBlocks.map(each => Buffer.from(writeHeaderBlock(each))),
  fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes)),
  fc.constantFrom('Callboard-TTL: 5', 'Callboard-TTL: x', 'Nats-Msg-Id: m', 'traceparent: x', 'Callboard-Form: a json\r\na: [[[', 'Content-Type: application/json').map(field => Buffer.from(`NATS/1.0\r\n${field}\r\n\r\n`)),
)

/** One operation as a client means it. */
const operation: fc.Arbitrary<Buffer> = fc.oneof(
  fc.tuple(subject, reply, payload).map(([to, answers, body]) => Buffer.concat([Buffer.from(`PUB ${to} ${answers}${body.length}\r\n`), body, Buffer.from('\r\n')])),
  fc.tuple(subject, reply, block, payload).map(([to, answers, head, body]) => Buffer.concat([Buffer.from(`HPUB ${to} ${answers}${head.length} ${head.length + body.length}\r\n`), head, body, Buffer.from('\r\n')])),
  fc.tuple(pattern, fc.constantFrom('', 'g '), sid).map(([of, group, id]) => Buffer.from(`SUB ${of} ${group}${id}\r\n`)),
  fc.tuple(sid, fc.constantFrom('', ' 0', ' 1', ' 3')).map(([id, max]) => Buffer.from(`UNSUB ${id}${max}\r\n`)),
  fc.constantFrom('PING\r\n', 'PONG\r\n', '+OK\r\n', 'INFO {}\r\n', 'CONNECT {"verbose":true,"headers":true}\r\n').map(line => Buffer.from(line)),
)
const session = fc.array(operation, { minLength: 1, maxLength: 12 }).map(operations => Buffer.concat(operations))

/** Changes to a valid input: `[where, what]`; what above 255 cuts the byte out. */
const mutations = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 300 })), { maxLength: 6 })
const cuts = fc.array(fc.nat(), { maxLength: 5 })

function mutate(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  let mutated = Buffer.from(bytes)
  for (const [where, what] of changes) {
    const at = mutated.length === 0 ? 0 : where % mutated.length
    if (what < 256) mutated[at] = what
    else mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + 1)])
  }
  return mutated
}

function arriveInPieces({ link }: NatsMemoryClient, bytes: Uint8Array, places: readonly number[]): void {
  const at = [0, ...places.map(place => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]
  // Each in bytes of its own, which are the broker's from then on.
  for (const [i, from] of at.slice(0, -1).entries()) if (at[i + 1]! > from && !link.isClosed) link.arrive(Uint8Array.from(bytes.subarray(from, at[i + 1])))
}

/** A broker with receivers of every kind, who hear what the stranger says, and with two who talk of something else. */
class Neighbourhood {
  readonly rig: PipelineRig = rigWithView()
  readonly #listeners: [NativeClient, JsonClient, NatsMemoryClient]
  readonly #neighbours: [NativeClient, NatsMemoryClient]

  constructor() {
    const [native, json, nats] = [this.rig.native(), this.rig.json(), this.rig.nats()]
    native.subscribe(1, 'a.>')
    native.subscribe(2, 'ask', { filter: 'x=1' })
    native.subscribe(3, 'a', { group: 'g' })
    json.send({ type: 'subscribe', subject: '>' })
    nats.raw('SUB a.> 1\r\nSUB a g 2\r\n')
    this.#listeners = [native, json, nats]
    this.#neighbours = [this.rig.native(), this.rig.nats()]
    this.#neighbours[0].subscribe(1, 'quiet.street')
    this.#neighbours[1].raw('SUB quiet.street 1\r\n')
    for (const each of [native, this.#neighbours[0]]) each.frames()
  }

  get connections(): number {
    return this.#listeners.length + this.#neighbours.length
  }

  check(t: ExecutionContext, told: string): void {
    t.notRegex(told, /Internal Error/)
    t.deepEqual(this.rig.log.records.filter(({ level }) => level === 'error'), [])
    t.true(this.rig.core.accounts.totals().balanced)
    const [listener, json, plain] = this.#listeners
    // Whatever reached them they can read.
    listener.frames()
    json.lines()
    const heard = plain.text()
    t.notThrows(() => natsMessages(heard))
    t.false([listener, json, plain].some(({ link }) => link.isClosed))
    const [native, nats] = this.#neighbours
    nats.raw('PUB quiet.street 5\r\nhello\r\n')
    t.is(nats.text(), 'MSG quiet.street 1 5\r\nhello\r\n')
    t.deepEqual(native.frames().map(frame => frame.subject).filter(each => each !== '$CB.all'), ['quiet.street'])
    json.lines()
  }

  leave(t: ExecutionContext, { link }: NatsMemoryClient): void {
    link.hangUp()
    this.rig.turn()
    t.is(this.rig.core.directory.size, this.connections)
    t.is(this.rig.pipeline.openRequests, 0)
  }
}

test('nats fuzz: any bytes as the first ones', t => {
  const place = new Neighbourhood()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), cuts, (bytes, places) => {
      const stranger = place.rig.natsLink()
      arriveInPieces(stranger, bytes, places)
      place.check(t, stranger.text())
      place.leave(t, stranger)
    }),
    bounded,
  )
})

test('nats fuzz: CONNECT with mistakes in it', t => {
  const place = new Neighbourhood()
  const connect = Buffer.from(`CONNECT {"verbose":true,"pedantic":true,"headers":true,"no_responders":true,"name":"a b","user":"owner","pass":"${OWNER_TOKEN}","protocol":1}\r\nPING\r\n`)
  fc.assert(
    fc.property(mutations, cuts, (changes, places) => {
      const stranger = place.rig.natsLink()
      arriveInPieces(stranger, mutate(connect, changes), places)
      place.check(t, stranger.text())
      place.leave(t, stranger)
    }),
    bounded,
  )
})

test('nats fuzz: sessions with mistakes in them', t => {
  const place = new Neighbourhood()
  fc.assert(
    fc.property(session, mutations, cuts, fc.boolean(), (bytes, changes, places, verbose) => {
      const stranger = place.rig.nats({ verbose: false, pedantic: verbose })
      arriveInPieces(stranger, mutate(bytes, changes), places)
      place.check(t, stranger.text())
      place.leave(t, stranger)
    }),
    bounded,
  )
})

test('nats fuzz: sessions without a mistake end with everything in its place, however they are cut', t => {
  fc.assert(
    fc.property(session, cuts, (bytes, places) => {
      const results = [places, []].map(each => {
        const place = new Neighbourhood()
        const client = place.rig.nats({ verbose: false, pedantic: false })
        arriveInPieces(client, bytes, each)
        const told = client.text()
        place.check(t, told)
        const { accepted, deliveries } = place.rig.core.accounts.totals()
        return { told, accepted, deliveries, isClosed: client.link.isClosed }
      })
      t.deepEqual(results[0], results[1])
    }),
    fuzzing(300),
  )
})
