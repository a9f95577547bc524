// Messages that came to two links of one broker, as one: those of one sender in the order in which it sent them.

import type { MovedArrival } from '../../ground/handover.ts'
import { headerValue } from '../../wire/nats/header-block.ts'
import { Name } from '../../wire/nats/header-names.ts'

interface Numbered {
  /** Where it stands. */
  readonly at: number
  readonly id: number
}

/**
 * What came to the process before, then what came to this one; but of each sender that is a client of a broker in the order of its ids, as both links were there for a moment, and the
 * servers gave each message to one of them. Answers, below `inbox`, came to both in that moment, and stand there once. Of plain NATS clients nothing is known: they stay as they are.
 */
export function inOrder(before: readonly MovedArrival[], after: readonly MovedArrival[], inbox: string): MovedArrival[] {
  const answers = new Set(before.map((arrival) => answerOf(arrival, inbox)).filter((answer) => answer !== undefined))
  const fresh = after.filter((arrival) => {
    const answer = answerOf(arrival, inbox)
    return answer === undefined || !answers.has(answer)
  })
  const all = before.concat(fresh)
  const bySender = new Map<string, Numbered[]>()
  for (const [at, { headers }] of all.entries()) {
    // `<broker>.<incarnation>.<connection>.<id>`
    const id = headers && headerValue(headers, Name.id)
    const end = id?.lastIndexOf('.') ?? -1
    if (id === undefined || end < 0) continue
    const sender = id.slice(0, end)
    const sent = bySender.get(sender) ?? []
    sent.push({ at, id: Number(id.slice(end + 1)) })
    bySender.set(sender, sent)
  }
  const ordered = [...all]
  for (const sent of bySender.values()) {
    const sorted = sent.toSorted((a, b) => a.id - b.id)
    for (const [i, { at }] of sent.entries()) ordered[at] = all[sorted[i]!.at]!
  }
  return ordered
}

// By which an answer is told from every other one; undefined: it is none, or of a client that gives none of them a name.
function answerOf({ isOwn, subject, headers }: MovedArrival, inbox: string): string | undefined {
  const id = isOwn && headers !== undefined && subject.startsWith(`${inbox}.`) ? headerValue(headers, Name.id) : undefined
  return id === undefined ? undefined : `${subject} ${id}`
}
