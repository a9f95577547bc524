// However the words of a conversation are cut into chunks, the same is heard.

import test from 'ava'
import type { NatsMemoryClient } from '../../support/memory-client.ts'
import { ann, bob, conversations, LIMITS, rules, type Conversation } from '../../support/nats-conversations.ts'
import { PipelineRig } from '../../support/pipeline.ts'

function hold(conversation: Conversation, chunkBytes: number): Record<string, string> {
  const nats = { maxPayloadBytes: LIMITS.max_payload, maxControlLineBytes: LIMITS.max_control_line, maxSubscriptions: LIMITS.max_subscriptions }
  const rig = new PipelineRig({ nats })
  rig.addPrincipal({ name: ann.user }, ann.pass)
  rig.addPrincipal({ name: bob.user, ...rules }, bob.pass)
  const clients = new Map<string, NatsMemoryClient>()
  const heard: Record<string, string> = {}
  for (const [who, words] of conversation) {
    const name = who.replace('!', '')
    const client = clients.get(name) ?? rig.natsLink()
    clients.set(name, client)
    for (let at = 0; at < words.length; at += chunkBytes) client.raw(words.slice(at, at + chunkBytes))
    for (const [each, other] of clients) heard[each] = (heard[each] ?? '') + other.text() + (other.link.isClosed ? '#' : '')
  }
  if (!rig.core.accounts.totals().balanced) throw new Error('the accounts do not balance')
  return heard
}

for (const [title, conversation] of Object.entries(conversations)) {
  test(`nats chunks: ${title}, byte by byte`, t => {
    const whole = hold(conversation, Infinity)
    for (const chunkBytes of [1, 2, 7]) t.deepEqual(hold(conversation, chunkBytes), whole, `${chunkBytes} bytes at a time`)
  })
}
