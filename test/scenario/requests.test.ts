import { once } from 'node:events'
import test from 'ava'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { BrokerError, type Message } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'
import { errorCode } from '../support/error-code.ts'
import { withMoreTime } from '../support/with-more-time.ts'

test('requests: an answer comes back, a failure with its code', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.connect()])
  await worker.subscribe<number>('square', { onMessage: message => (message.value < 0 ? message.fail('math.negative', 'only zero and up') : message.respond(message.value ** 2)) }).ready
  t.is((await asker.request('square', 12)).value, 144)
  const error = await t.throwsAsync(asker.request('square', -1), { instanceOf: BrokerError })
  t.is(error.code, 'request.failed')
  t.is(error.details['code'], 'math.negative')
})

test('requests: where nobody listens the answer comes at once', async t => {
  const broker = await startBroker(t)
  const asker = await broker.connect()
  t.is(await errorCode(asker.request('nobody.here', 1, { timeoutMs: 60_000 })), 'request.no_responders')
})

test('requests: a responder that stays silent ends in a time-out, and its answer after it is refused', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.native()])
  await worker.subscribe(1, 'slow')
  t.is(await errorCode(asker.request('slow', 1, { timeoutMs: 50 })), 'request.timeout')
  const request = await worker.nextOf(Kind.request)
  t.is(request.to, 50)
  t.is((await worker.nextOf(Kind.cancel)).ref, request.id)
  worker.send({ kind: Kind.response, to: request.origin, ref: request.id, subject: 'slow' })
  t.is((await worker.nextError()).code, 'request.not_open')
})

test('requests: the requester\'s AbortSignal reaches the responder', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.connect()])
  const got = Promise.withResolvers<Message>()
  await worker.subscribe('long', { onMessage: message => got.resolve(message) }).ready
  const control = new AbortController()
  const answer = errorCode(asker.request('long', 1, { signal: control.signal }))
  const message = await got.promise
  const told = once(message.signal, 'abort')
  control.abort()
  t.is(await answer, 'client.aborted')
  await told
  t.false(message.isReplyable)
  t.is(await errorCode(message.respond(1)), 'request.not_open')
})

test('requests: a responder that is gone is told of at once', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.native()])
  await worker.subscribe(1, 'fragile')
  const answer = errorCode(asker.request('fragile', 1, { timeoutMs: 60_000 }))
  await worker.nextOf(Kind.request)
  worker.destroy()
  t.is(await answer, 'request.responder_gone')
})

test('requests: of two responders one may go, the other answers', async t => {
  const broker = await startBroker(t)
  const [asker, gone, worker] = await Promise.all([broker.connect(), broker.native(), broker.native()])
  await Promise.all([gone.subscribe(1, 'pair'), worker.subscribe(1, 'pair')])
  const answer = asker.request('pair', 1)
  await gone.nextOf(Kind.request)
  gone.destroy()
  const request = await worker.nextOf(Kind.request)
  worker.publish('pair', 'mine', { kind: Kind.response, to: request.origin, ref: request.id })
  t.is((await answer).value, 'mine')
})

test('requests: parts come in order and belong to the first who sends one', async t => {
  const broker = await startBroker(t)
  const [asker, first, second] = await Promise.all([broker.connect(), broker.native(), broker.native()])
  await Promise.all([first.subscribe(1, 'count'), second.subscribe(1, 'count')])
  const parts = asker.stream<number>('count', 3)
  const begun = parts.next()
  const request = await first.nextOf(Kind.request)
  await second.nextOf(Kind.request)
  const address = { to: request.origin, ref: request.id }
  first.publish('count', 1, { kind: Kind.part, ...address })
  t.is((await begun).value?.value, 1)
  t.is((await second.nextOf(Kind.cancel)).ref, request.id)
  second.publish('count', 99, { kind: Kind.part, ...address })
  t.is((await second.nextError()).code, 'request.not_open')
  first.publish('count', 2, { kind: Kind.part, ...address })
  first.publish('count', 3, { kind: Kind.response, ...address })
  const rest: [number, boolean][] = []
  for await (const { value, isLast } of parts) rest.push([value, isLast])
  t.deepEqual(rest, [[2, false], [3, true]])
})

test('requests: many gives the answers of all, failures among them, and ends when the last has answered', async t => {
  const broker = await startBroker(t)
  const asker = await broker.connect()
  for (const name of ['a', 'b', 'c']) {
    const worker = await broker.connect()
    await worker.subscribe('roll', { onMessage: message => (name === 'c' ? message.fail('dice.lost') : message.respond(name)) }).ready
  }
  const answers: string[] = []
  for await (const message of asker.requestMany<string>('roll', 1, { timeoutMs: 60_000 })) answers.push(message.error === undefined ? message.value : String(message.error.details['code']))
  t.deepEqual(answers.sort(), ['a', 'b', 'dice.lost'])
})

test('requests: many ends with the time for those who never answer', async t => {
  const broker = await startBroker(t)
  const [asker, silent, worker] = await Promise.all([broker.native(), broker.native(), broker.connect()])
  await silent.subscribe(1, 'roll')
  await worker.subscribe('roll', { onMessage: message => message.respond('here').catch(() => {}) }).ready
  const wasInTime = await withMoreTime(500, async ms => {
    const id = asker.request('roll', 1, { flags: Flag.many, to: ms })
    const answer = await asker.next()
    // The time was over before anybody had answered.
    if (answer.kind === Kind.error) return false
    t.deepEqual([answer.kind, answer.ref], [Kind.response, id])
    const end = await asker.nextOf(Kind.end)
    t.is(end.ref, id)
    t.regex(Buffer.from(end.payload).toString('latin1'), /timeout/)
    return true
  })
  t.true(wasInTime, 'who answers was never heard')
})

test('requests: a group answers with one member, each in turn', async t => {
  const broker = await startBroker(t)
  const asker = await broker.connect()
  const answers = new Map<string, number>()
  for (const name of ['a', 'b']) await (await broker.connect()).subscribe('work', { group: 'g', onMessage: message => message.respond(name) }).ready
  for (let i = 0; i < 20; i++) {
    const { value } = await asker.request<string>('work', i)
    answers.set(value, (answers.get(value) ?? 0) + 1)
  }
  t.is((answers.get('a') ?? 0) + (answers.get('b') ?? 0), 20)
  t.true([...answers.values()].every(count => count > 0))
})

test('requests: a hundred at once each get their own answer', async t => {
  const broker = await startBroker(t)
  const [asker, worker] = await Promise.all([broker.connect(), broker.connect()])
  await worker.subscribe<number>('mirror', { onMessage: message => message.respond(message.value) }).ready
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => asker.request<number>('mirror', i)))
  t.deepEqual(answers.map(({ value }) => value), Array.from({ length: 100 }, (_, i) => i))
  t.true((await asker.call('stats')).balanced)
})
