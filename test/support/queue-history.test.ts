import test from 'ava'
import fc from 'fast-check'
import { historyProblems } from './queue-history-checks.ts'
import { QueueHistory, type Delivered, type Verdict } from './queue-history.ts'

const MAX_ATTEMPTS = 3

/** What becomes of one message of a queue that keeps its word. */
const fates = fc.record({
  session: fc.constantFrom('s1', 's2', undefined),
  receipt: fc.constantFrom('stored', 'nothing', 'twice'),
  /** How the attempts before the last one end; undefined: the broker was killed. */
  failures: fc.array(fc.constantFrom<Verdict | undefined>('nak', undefined), { maxLength: MAX_ATTEMPTS - 1 }),
  end: fc.constantFrom('ack', 'ack without answer', 'forward', 'term', 'dead', 'waiting'),
})

type Fate = typeof fates extends fc.Arbitrary<infer T> ? T : never

/** The history of a queue that keeps its word: all messages one after another. */
function flawless(all: readonly Fate[]): QueueHistory {
  const history = new QueueHistory(MAX_ATTEMPTS)
  all.forEach(({ session, receipt, failures, end }, i) => {
    const [id, position] = [`m${i}`, i + 1]
    history.publishing(id, session)
    if (receipt === 'twice') history.publishing(id, session)
    if (receipt !== 'nothing') history.stored(id, position)
    let attempt = 0
    for (const verdict of failures) {
      const delivered = history.delivered(position, ++attempt, id, true)
      if (verdict !== undefined) say(history, delivered, verdict, 'confirmed')
    }
    if (end === 'waiting') {
      // What stands behind it in its session could not have been delivered.
      if (session === undefined) history.left('waiting', position, id)
      else say(history, history.delivered(position, ++attempt, id, true), 'ack', 'confirmed')
    } else if (end === 'dead') history.left('dead', position, id)
    else {
      const delivered = history.delivered(position, ++attempt, id, true)
      if (end === 'ack without answer') history.settling(delivered, 'ack')
      else say(history, delivered, end, 'confirmed')
      if (end === 'term') history.left('dead', position, id)
    }
  })
  return history
}

function say(history: QueueHistory, delivered: Delivered, verdict: Verdict, answer: 'confirmed' | 'lost'): void {
  history.settling(delivered, verdict)
  history.settled(delivered, answer)
}

/** A message that is published, stored at `position` and nothing more. */
function stored(history: QueueHistory, id: string, position: number, session?: string): void {
  history.publishing(id, session)
  history.stored(id, position)
}

/** A broken word behind a flawless history; it must be the only thing that is found. */
function finds(title: string, found: RegExp, spoil: (history: QueueHistory, next: number) => void): void {
  test(`queue history: finds ${title}`, t => {
    fc.assert(
      fc.property(fc.array(fates, { maxLength: 20 }), all => {
        const history = flawless(all)
        spoil(history, all.length + 1)
        const problems = historyProblems(history)
        t.true(problems.length > 0 && problems.every(each => found.test(each)), `found ${JSON.stringify(problems)}`)
      }),
      { numRuns: 20 },
    )
  })
}

test('queue history: finds nothing where the queue kept its word', t => {
  fc.assert(fc.property(fc.array(fates, { maxLength: 40 }), all => t.deepEqual(historyProblems(flawless(all)), [])))
})

finds('an acknowledged message that nobody got', /^x is lost: acknowledged and never delivered$/, (history, at) => stored(history, 'x', at))

finds('a message that is gone though its consumer never said that it is done', /^x is lost: delivered 1 times, never done, and gone$/, (history, at) => {
  stored(history, 'x', at)
  say(history, history.delivered(at, 1, 'x', true), 'nak', 'confirmed')
})

finds('a message that is gone though its ack came too late', /^x is lost: delivered 1 times/, (history, at) => {
  stored(history, 'x', at)
  say(history, history.delivered(at, 1, 'x', true), 'ack', 'lost')
})

finds('a delivered message without receipt that is gone and was never done', /^x is lost/, (history, at) => {
  history.publishing('x')
  history.delivered(at, 1, 'x', true)
})

for (const verdict of ['ack', 'forward'] as const) {
  finds(`a message that comes back after its ${verdict} was confirmed`, /came back as attempt 2|ended 2 times/, (history, at) => {
    stored(history, 'x', at)
    say(history, history.delivered(at, 1, 'x', true), verdict, 'confirmed')
    history.settling(history.delivered(at, 2, 'x', true), 'nak')
  })
  finds(`a message that waits after its ${verdict} was confirmed`, /waits after its/, (history, at) => {
    stored(history, 'x', at)
    say(history, history.delivered(at, 1, 'x', true), verdict, 'confirmed')
    history.left('waiting', at, 'x')
  })
}

finds('two consumers that were both told that a message was theirs', /^x at \d+ (was ended 2 times|came back)/, (history, at) => {
  stored(history, 'x', at)
  const [first, second] = [history.delivered(at, 1, 'x', true), history.delivered(at, 2, 'x', true)]
  say(history, first, 'ack', 'confirmed')
  say(history, second, 'ack', 'confirmed')
})

finds('a confirmed term that is no dead letter', /no dead letter though its term was confirmed|never done/, (history, at) => {
  stored(history, 'x', at)
  say(history, history.delivered(at, 1, 'x', true), 'term', 'confirmed')
})

finds('an attempt that comes twice', /attempt 1 came after attempt 1/, (history, at) => {
  stored(history, 'x', at)
  history.delivered(at, 1, 'x', true)
  say(history, history.delivered(at, 1, 'x', true), 'ack', 'confirmed')
})

finds('an attempt beyond the last', /attempt 4 of at most 3/, (history, at) => {
  stored(history, 'x', at)
  say(history, history.delivered(at, 4, 'x', true), 'ack', 'confirmed')
})

finds('a repeat that is stored twice', /^x is stored twice, at \d+ and \d+$/, (history, at) => {
  stored(history, 'x', at)
  history.publishing('x')
  for (const position of [at, at + 1]) say(history, history.delivered(position, 1, 'x', true), 'ack', 'confirmed')
})

finds('a repeat that is told another place than the first', /^x is stored twice/, (history, at) => {
  stored(history, 'x', at)
  stored(history, 'x', at + 1)
  say(history, history.delivered(at, 1, 'x', true), 'ack', 'confirmed')
})

finds('a position that is given twice', /^\d+ was given to x and to y$/, (history, at) => {
  stored(history, 'x', at)
  stored(history, 'y', at)
  say(history, history.delivered(at, 1, 'x', true), 'ack', 'confirmed')
})

finds('a message of which its publisher was told that it is not stored', /^x is in the queue, and its publisher/, (history, at) => {
  history.publishing('x')
  history.refused('x')
  say(history, history.delivered(at, 1, 'x', true), 'ack', 'confirmed')
})

finds('a damaged payload', /^x at \d+, attempt 1, is not what was published$/, (history, at) => {
  stored(history, 'x', at)
  say(history, history.delivered(at, 1, 'x', false), 'ack', 'confirmed')
})

finds('a message that nobody published', /^x at \d+ was never published$/, (history, at) => history.left('dead', at, 'x'))

finds('a message that overtakes an earlier one of its session', /came before x at \d+ was done|came after y/, (history, at) => {
  stored(history, 'x', at, 's9')
  stored(history, 'y', at + 1, 's9')
  const x = history.delivered(at, 1, 'x', true)
  say(history, history.delivered(at + 1, 1, 'y', true), 'ack', 'confirmed')
  say(history, x, 'ack', 'confirmed')
})

finds('a message that comes after a later one of its session', /^session s9: x at \d+ came after y at \d+$/, (history, at) => {
  stored(history, 'x', at, 's9')
  stored(history, 'y', at + 1, 's9')
  for (const [position, id] of [[at + 1, 'y'], [at, 'x']] as const) say(history, history.delivered(position, 1, id, true), 'ack', 'confirmed')
})

test('queue history: a failed head of a session may come again before the next, messages of different sessions overtake each other', t => {
  const history = new QueueHistory(MAX_ATTEMPTS)
  stored(history, 'x', 1, 'a')
  stored(history, 'y', 2, 'a')
  stored(history, 'z', 3, 'b')
  say(history, history.delivered(1, 1, 'x', true), 'nak', 'confirmed')
  say(history, history.delivered(3, 1, 'z', true), 'ack', 'confirmed')
  say(history, history.delivered(1, 2, 'x', true), 'ack', 'confirmed')
  say(history, history.delivered(2, 1, 'y', true), 'ack', 'confirmed')
  t.deepEqual(historyProblems(history), [])
})

test('queue history: many problems of one kind are cut', t => {
  const history = new QueueHistory(0)
  for (let i = 1; i <= 8; i++) stored(history, `m${i}`, i)
  t.deepEqual([historyProblems(history).length, historyProblems(history).at(-1)], [6, '… and 3 more'])
})
