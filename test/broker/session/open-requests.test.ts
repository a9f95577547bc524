import test from 'ava'
import { Deadlines } from '../../../broker/ground/deadlines.ts'
import { Account } from '../../../broker/ground/slice.ts'
import { OpenRequests, type RequestParty } from '../../../broker/session/open-requests.ts'
import { FakeClock } from '../../support/fake-clock.ts'

interface Setup {
  readonly requests: OpenRequests
  readonly clock: FakeClock
  readonly deadlines: Deadlines
  /** `ended 1 timeout`, `cancelled 1 for 7`. */
  readonly told: string[]
  readonly party: (number: number) => RequestParty
  readonly open: (requester: RequestParty, id: number, responders: RequestParty[], isMany?: boolean) => void
}

function setUp(): Setup {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => { throw error } })
  const parties: RequestParty[] = []
  const told: string[] = []
  const requests = new OpenRequests(deadlines, () => parties, {
    ended: ({ id }, end) => told.push(`ended ${id} ${end}`),
    cancelled: ({ id }, { number }) => told.push(`cancelled ${id} for ${number}`),
  })
  return {
    requests, clock, deadlines, told,
    party(number) {
      const party: RequestParty = { answersFrames: true, number, openRequests: undefined, awaitedAnswers: 0, deliver: () => true }
      parties.push(party)
      return party
    },
    open: (requester, id, responders, isMany = false) => requests.open({ requester, id, subject: 'a', subjectBytes: Uint8Array.of(97), account: new Account(), limitMs: 1000, isMany, responders, reply: undefined, instance: undefined }),
  }
}

test('open requests: the first answer closes a request, the others are told', t => {
  const { requests, party, open, told, deadlines } = setUp()
  const [asker, one, two] = [party(1), party(2), party(3)]
  open(asker, 7, [one, two])
  requests.answered(requests.awaited(asker, 7, two)!, two)
  t.deepEqual(told, ['cancelled 7 for 2'])
  t.is(requests.awaited(asker, 7, one), undefined)
  t.deepEqual([requests.size, deadlines.size, one.awaitedAnswers, two.awaitedAnswers], [0, 0, 0, 0])
})

test('open requests: a first part binds the request to its responder', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one, two] = [party(1), party(2), party(3)]
  open(asker, 7, [one, two])
  requests.part(requests.awaited(asker, 7, two)!, two)
  t.deepEqual(told, ['cancelled 7 for 2'])
  t.is(requests.awaited(asker, 7, one), undefined)
  requests.part(requests.awaited(asker, 7, two)!, two)
  requests.answered(requests.awaited(asker, 7, two)!, two)
  t.is(told.length, 1)
  t.is(requests.size, 0)
})

test('open requests: with many wanted each responder answers, the last one ends it', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one, two] = [party(1), party(2), party(3)]
  open(asker, 7, [one, two], true)
  requests.part(requests.awaited(asker, 7, one)!, one)
  requests.answered(requests.awaited(asker, 7, one)!, one)
  t.is(requests.awaited(asker, 7, one), undefined)
  t.deepEqual(told, [])
  requests.answered(requests.awaited(asker, 7, two)!, two)
  t.deepEqual(told, ['ended 7 complete'])
  t.is(requests.size, 0)
})

test('open requests: only those who were asked are awaited', t => {
  const { requests, party, open } = setUp()
  const [asker, one, stranger] = [party(1), party(2), party(3)]
  open(asker, 7, [one])
  t.is(requests.awaited(asker, 7, stranger), undefined)
  t.is(requests.awaited(asker, 8, one), undefined)
  t.is(requests.awaited(stranger, 7, one), undefined)
  t.is(requests.awaited(undefined, 7, one), undefined)
})

test('open requests: time up tells the requester and whoever has not answered', async t => {
  const { requests, party, open, told, clock } = setUp()
  const [asker, one] = [party(1), party(2)]
  open(asker, 7, [one])
  await clock.advance(990)
  t.deepEqual(told, [])
  await clock.advance(30)
  t.deepEqual(told, ['cancelled 7 for 2', 'ended 7 timeout'])
  t.deepEqual([requests.size, one.awaitedAnswers], [0, 0])
})

test('open requests: a cancel tells the responders, and not the requester', t => {
  const { requests, party, open, told, deadlines } = setUp()
  const [asker, one] = [party(1), party(2)]
  open(asker, 7, [one])
  t.true(requests.cancel(asker, 7))
  t.false(requests.cancel(asker, 7))
  t.deepEqual(told, ['cancelled 7 for 2'])
  t.deepEqual([requests.size, deadlines.size], [0, 0])
})

test('open requests: a responder that leaves ends what waited for it alone', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one, two] = [party(1), party(2), party(3)]
  open(asker, 7, [one])
  open(asker, 8, [one, two])
  open(asker, 9, [two])
  requests.leave(one)
  t.deepEqual(told, ['ended 7 responder-gone'])
  t.is(requests.size, 2)
  t.not(requests.awaited(asker, 8, two), undefined)
})

// Where the word that nobody is there came last, a request that somebody had worked on was told to have reached nobody.
test('open requests: that nobody is there beyond one responder does not hide that another one left, whichever comes first', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one, beyond] = [party(1), party(2), party(3)]
  open(asker, 7, [one, beyond])
  open(asker, 8, [beyond])
  requests.leave(one)
  for (const id of [7, 8]) requests.declined(requests.awaited(asker, id, beyond)!, beyond)
  t.deepEqual(told, ['ended 7 responder-gone', 'ended 8 nobody'])
  const other = party(4)
  open(asker, 9, [other, beyond])
  requests.declined(requests.awaited(asker, 9, beyond)!, beyond)
  requests.leave(other)
  t.is(told.at(-1), 'ended 9 responder-gone')
})

test('open requests: of many, those that answered count when the rest leaves', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one, two] = [party(1), party(2), party(3)]
  open(asker, 7, [one, two], true)
  requests.answered(requests.awaited(asker, 7, one)!, one)
  requests.leave(two)
  open(asker, 8, [one], true)
  requests.leave(one)
  t.deepEqual(told, ['ended 7 complete', 'ended 8 responder-gone'])
})

test('open requests: a requester that leaves cancels what it asked', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one] = [party(1), party(2)]
  open(asker, 7, [one])
  open(asker, 8, [one])
  requests.leave(asker)
  t.deepEqual(told, ['cancelled 7 for 2', 'cancelled 8 for 2'])
  t.deepEqual([requests.size, one.awaitedAnswers], [0, 0])
})

test('open requests: a connection that was asked twice may answer twice, and leaves once', t => {
  const { requests, party, open, told } = setUp()
  const [asker, one] = [party(1), party(2)]
  open(asker, 7, [one, one], true)
  t.is(one.awaitedAnswers, 2)
  requests.answered(requests.awaited(asker, 7, one)!, one)
  t.is(one.awaitedAnswers, 1)
  requests.answered(requests.awaited(asker, 7, one)!, one)
  open(asker, 8, [one, one])
  requests.part(requests.awaited(asker, 8, one)!, one)
  t.is(one.awaitedAnswers, 1)
  requests.leave(one)
  t.deepEqual(told, ['ended 7 complete', 'ended 8 responder-gone'])
  t.deepEqual([requests.size, one.awaitedAnswers], [0, 0])
})

test('open requests: one from another process, where somebody who may have had it stayed, is not said to have come to nobody', t => {
  const { requests, party, told } = setUp()
  const [asker, beyond] = [party(1), party(2)]
  const init = { requester: asker, subject: 'a', subjectBytes: Uint8Array.of(97), account: new Account(), limitMs: 1000, isMany: false, responders: [beyond], reply: undefined, instance: undefined }
  for (const isDeserted of [true, false]) requests.moved({ ...init, id: isDeserted ? 7 : 8 }, { leftMs: 500, responses: 0, parts: 0, isDeserted })
  for (const id of [7, 8]) requests.declined(requests.awaited(asker, id, beyond)!, beyond)
  t.deepEqual(told, ['ended 7 responder-gone', 'ended 8 nobody'])
})
