// An agent that sends back what it gets: each word as a part of the answer, the whole text as the end of it.

import type { Message } from '../client/index.ts'
import { runAgent, valueOf } from './agent.ts'

const SUBJECTS = ['agent.echo', '$CB.to.agent.echo']

/** Text as it is; of an object its `text`; of anything else its JSON. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  const text = (value as { text?: unknown } | null)?.text
  return typeof text === 'string' ? text : JSON.stringify(value)
}

async function echo(message: Message): Promise<void> {
  if (!message.isReplyable) return
  const text = textOf(valueOf(message))
  const words = text.split(/\s+/).filter(word => word !== '')
  for (const [index, word] of words.entries()) {
    // Nobody listens any more: cancelled, out of time, or gone.
    if (!message.isReplyable) return
    await message.part({ word, n: index + 1 })
  }
  await message.respond({ text, words: words.length })
}

await runAgent(async client => {
  await Promise.all(SUBJECTS.map(subject => client.subscribe(subject, { onMessage: echo }).ready))
})
