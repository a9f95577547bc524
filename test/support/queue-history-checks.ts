// Judges the history of a queue: every way in which it cannot be that of a queue that keeps its word.

import type { Delivered, Left, Published, QueueHistory } from './queue-history.ts'

/** A history, sorted for those who judge. */
interface Sorted {
  readonly history: QueueHistory
  readonly published: ReadonlyMap<string, Published>
  /** In the order in which they happened. */
  readonly byPosition: ReadonlyMap<number, readonly Delivered[]>
  readonly remains: ReadonlyMap<number, Left>
  /** Positions at which a message was seen by anybody. */
  readonly places: ReadonlyMap<string, ReadonlySet<number>>
}

/** Most problems of one kind that are spelled out; a test that fails need not print a thousand. */
const MOST_SHOWN = 5
const finals: ReadonlySet<string | undefined> = new Set(['ack', 'forward', 'term'])

/** What may never be, one sentence each, at most six of a kind. Empty: all is well. */
export function historyProblems(history: QueueHistory): string[] {
  const sorted = sort(history)
  const checks = [strangers, refusedOnes, damagedOnes, places, sharedPlaces, losses, returns, ghosts, attempts, overtaking]
  return checks.flatMap(check => shown(check(sorted)))
}

function sort(history: QueueHistory): Sorted {
  const byPosition = new Map<number, Delivered[]>()
  const places = new Map<string, Set<number>>()
  const see = (id: string, position: number): void => {
    const seen = places.get(id)
    if (seen === undefined) places.set(id, new Set([position]))
    else seen.add(position)
  }
  for (const delivered of history.deliveries) {
    const same = byPosition.get(delivered.position)
    if (same === undefined) byPosition.set(delivered.position, [delivered])
    else same.push(delivered)
    see(delivered.id, delivered.position)
  }
  for (const { id, position } of history.remains) see(id, position)
  for (const { id, positions } of history.published.values()) for (const position of positions) see(id, position)
  return { history, published: history.published, byPosition, remains: new Map(history.remains.map(left => [left.position, left])), places }
}

/** What nobody published. */
function strangers({ history, published }: Sorted): string[] {
  const all = [...history.deliveries, ...history.remains]
  return all.filter(({ id }) => !published.has(id)).map(({ id, position }) => `${id} at ${position} was never published`)
}

/** All tries were refused without doubt, and yet it is there. */
function refusedOnes({ published, places }: Sorted): string[] {
  return [...published.values()].filter(({ id, isAcked, refusals, tries }) => !isAcked && refusals === tries && places.has(id)).map(({ id }) => `${id} is in the queue, and its publisher was told that it is not`)
}

function damagedOnes({ history }: Sorted): string[] {
  return history.deliveries.filter(({ isIntact }) => !isIntact).map(({ id, position, attempt }) => `${id} at ${position}, attempt ${attempt}, is not what was published`)
}

/** One id, one place: deduplication over crashes, and a forward that happened once. */
function places({ places: all }: Sorted): string[] {
  return [...all].filter(([, positions]) => positions.size > 1).map(([id, positions]) => `${id} is stored twice, at ${[...positions].join(' and ')}`)
}

/** One place, one id: a position is never given twice. */
function sharedPlaces({ places: all }: Sorted): string[] {
  const first = new Map<number, string>()
  const wrong: string[] = []
  for (const [id, positions] of all) {
    for (const position of positions) {
      const before = first.get(position)
      if (before === undefined) first.set(position, id)
      else wrong.push(`${position} was given to ${before} and to ${id}`)
    }
  }
  return wrong
}

/** acked ⊆ delivered and done ∪ dead-lettered ∪ pending: what is gone has a consumer who said that it is done. */
function losses({ published, byPosition, remains, places: all }: Sorted): string[] {
  const wrong: string[] = []
  for (const { id, isAcked } of published.values()) {
    const positions = [...(all.get(id) ?? [])]
    const deliveries = positions.flatMap(position => byPosition.get(position) ?? [])
    if (!isAcked && deliveries.length === 0) continue
    if (positions.some(position => remains.has(position))) continue
    if (deliveries.some(({ verdict, answer }) => (verdict === 'ack' || verdict === 'forward') && answer !== 'lost')) continue
    wrong.push(`${id} is lost: ${deliveries.length === 0 ? 'acknowledged and never delivered' : `delivered ${deliveries.length} times, never done, and gone`}`)
  }
  return wrong
}

/** What was confirmed as settled for good and comes back. */
function returns({ byPosition, remains }: Sorted): string[] {
  const wrong: string[] = []
  for (const [position, deliveries] of byPosition) {
    const done = deliveries.find(({ verdict, answer }) => answer === 'confirmed' && finals.has(verdict))
    if (done === undefined) continue
    const again = deliveries.find(({ at }) => at > done.answeredAt)
    if (again !== undefined) wrong.push(`${done.id} at ${position} came back as attempt ${again.attempt} after its ${done.verdict} was confirmed`)
    const left = remains.get(position)
    if (left?.part === 'waiting') wrong.push(`${done.id} at ${position} waits after its ${done.verdict} was confirmed`)
    if (left?.part === 'dead' && done.verdict !== 'term') wrong.push(`${done.id} at ${position} is a dead letter after its ${done.verdict} was confirmed`)
    if (left === undefined && done.verdict === 'term') wrong.push(`${done.id} at ${position} is no dead letter though its term was confirmed`)
  }
  return wrong
}

/** Two confirmed ends of one message: two consumers were both told that it was theirs. */
function ghosts({ byPosition }: Sorted): string[] {
  const ends = [...byPosition].map(([position, deliveries]) => [position, deliveries.filter(({ verdict, answer }) => answer === 'confirmed' && finals.has(verdict))] as const)
  return ends.filter(([, done]) => done.length > 1).map(([position, done]) => `${done[0]!.id} at ${position} was ended ${done.length} times`)
}

/** The numbers of attempts grow, none comes twice, and none is beyond the last. */
function attempts({ history: { maxAttempts }, byPosition }: Sorted): string[] {
  const wrong: string[] = []
  for (const [position, deliveries] of byPosition) {
    let last = 0
    for (const { id, attempt } of deliveries) {
      if (attempt <= last) wrong.push(`${id} at ${position}: attempt ${attempt} came after attempt ${last}`)
      if (maxAttempts > 0 && attempt > maxAttempts) wrong.push(`${id} at ${position}: attempt ${attempt} of at most ${maxAttempts}`)
      last = Math.max(last, attempt)
    }
  }
  return wrong
}

/**
 * Messages of one session are handled one after another, in the order of their positions: when one is delivered, all that stand before it are
 * done with, which their consumers have said, or they are dead letters.
 */
function overtaking({ history, published, remains }: Sorted): string[] {
  const sessions = new Map<string, Delivered[]>()
  for (const delivered of history.deliveries) {
    const session = published.get(delivered.id)?.session
    if (session === undefined) continue
    const same = sessions.get(session)
    if (same === undefined) sessions.set(session, [delivered])
    else same.push(delivered)
  }
  return [...sessions].flatMap(([session, deliveries]) => overtakingIn(session, deliveries, remains))
}

function overtakingIn(session: string, deliveries: readonly Delivered[], remains: ReadonlyMap<number, Left>): string[] {
  const wrong: string[] = []
  // Those that came and are not known to be done with: usually one.
  let open: Delivered[] = []
  let furthest: Delivered | undefined
  for (const delivered of deliveries) {
    if (furthest !== undefined && delivered.position < furthest.position) wrong.push(`session ${session}: ${delivered.id} at ${delivered.position} came after ${furthest.id} at ${furthest.position}`)
    open = open.filter(each => each.position !== delivered.position && !(isDone(each) && each.saidAt < delivered.at) && remains.get(each.position)?.part !== 'dead')
    for (const each of open) if (each.position < delivered.position) wrong.push(`session ${session}: ${delivered.id} at ${delivered.position} came before ${each.id} at ${each.position} was done`)
    open.push(delivered)
    if (furthest === undefined || delivered.position > furthest.position) furthest = delivered
  }
  return wrong
}

/** Its consumer has said so, and was not told that it was too late. */
function isDone({ verdict, answer }: Delivered): boolean {
  return finals.has(verdict) && answer !== 'lost'
}

function shown(all: readonly string[]): string[] {
  return all.length > MOST_SHOWN ? [...all.slice(0, MOST_SHOWN), `… and ${all.length - MOST_SHOWN} more`] : [...all]
}
