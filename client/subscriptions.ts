// All subscriptions of a client, and which of them a message is for. Knows no frames.

import { BrokerError } from '../broker/ground/errors.ts'
import { isReserved, matchesPattern } from '../broker/ground/subject.ts'
import type { Message } from './message.ts'
import type { Subscription } from './subscription.ts'

/** Subjects whose matches are remembered; then the cache starts over. */
const MAX_CACHED_SUBJECTS = 4096
const BROADCAST_SUBJECT = '$CB.all'

export class Subscriptions {
  readonly #byNumber = new Map<number, Subscription>()
  readonly #matches = new Map<string, readonly Subscription[]>()

  add(subscription: Subscription): void {
    this.#byNumber.set(subscription.number, subscription)
    this.#matches.clear()
  }

  remove(subscription: Subscription): void {
    this.#byNumber.delete(subscription.number)
    this.#matches.clear()
  }

  all(): Subscription[] {
    return [...this.#byNumber.values()]
  }

  /** Hands it to the member of a group that the broker chose; false when that subscription is gone. */
  deliverTo(number: number, message: Message): boolean {
    const subscription = this.#byNumber.get(number)
    subscription?.deliver(message)
    return subscription !== undefined
  }

  /** Hands it to every subscription outside groups that wants it; false when none does. */
  deliver(message: Message): boolean {
    const matches = this.#matchesOf(message.subject)
    // The broker sends what passes the filter of at least one subscription: with one, that was this one.
    if (matches.length === 1) {
      matches[0]!.deliver(message)
      return true
    }
    let isTaken = false
    for (const subscription of matches) {
      if (!passes(subscription, message)) continue
      subscription.deliver(message)
      isTaken = true
    }
    return isTaken
  }

  #matchesOf(subject: string): readonly Subscription[] {
    const known = this.#matches.get(subject)
    if (known !== undefined) return known
    if (this.#matches.size === MAX_CACHED_SUBJECTS) this.#matches.clear()
    const tokens = subject.split('.')
    // A wildcard in front means the subjects of users; the broker's own must be named.
    const isHidden = isReserved(tokens)
    const matches = this.all().filter(({ group, tokens: pattern }) => group === undefined && (!isHidden || pattern[0] === tokens[0]) && matchesPattern(pattern, tokens))
    this.#matches.set(subject, matches)
    return matches
  }
}

function passes({ filter }: Subscription, message: Message): boolean {
  if (filter === undefined) return true
  const { subject, headers } = message
  const sender = headers?.['sender']
  return filter.test({
    subject,
    headers,
    type: message.kind === 'request' ? 'request' : subject === BROADCAST_SUBJECT ? 'broadcast' : 'event',
    sender: typeof sender === 'string' ? sender : undefined,
    value: () => message.value,
  })
}

/** A request for which nobody here listens is answered at once, as the broker does where nobody subscribed. */
export function refuseUnheard(message: Message): void {
  if (message.isReplyable) message.fail(new BrokerError('request.no_responders', { subject: message.subject })).catch(() => {})
}
