// Reads what a subscription got, by number: for tests that know how much must come.

import type { Message, Subscription } from '../../client/index.ts'

/** The next `count` messages. */
export async function take<T>(subscription: Subscription<T>, count: number): Promise<Message<T>[]> {
  const iterator = subscription[Symbol.asyncIterator]()
  const messages: Message<T>[] = []
  while (messages.length < count) {
    const { value } = await iterator.next()
    if (value === undefined) throw new Error(`the subscription to ${subscription.pattern} ended after ${messages.length} of ${count} messages`)
    messages.push(value)
  }
  return messages
}

/** Their values. */
export async function values<T>(subscription: Subscription<T>, count: number): Promise<T[]> {
  return (await take(subscription, count)).map(message => message.value)
}
