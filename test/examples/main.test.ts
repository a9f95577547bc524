import test, { type ExecutionContext } from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { confirmSubscription, startSample, valueOf, type SampleAgent } from '../support/sample-agent.ts'

const KEY = 'agent:main:whatsapp:dm:+1234567890'

async function startMain(t: ExecutionContext): Promise<SampleAgent> {
  const sample = await startSample(t, 'main')
  t.is(await confirmSubscription(sample.peer), 'agent.main')
  return sample
}

test('main: thinks aloud, then answers, and counts the messages of each conversation', async t => {
  const { peer } = await startMain(t)
  t.like(peer.hello, { agent: 'main', principal: 'agent:main' })
  for (const [question, turn] of [[{ message: 'hello', sessionKey: KEY }, 1], [{ message: 'again', sessionKey: KEY }, 2], [{ message: 'other', sessionKey: `${KEY}0` }, 1]] as const) {
    peer.request('$CB.to.agent.main', question)
    t.like(valueOf(await peer.nextOf(Kind.part)), { type: 'thinking', content: `reading message ${turn} of this conversation: 5 characters` })
    t.deepEqual(valueOf(await peer.nextOf(Kind.response)), { message: `You said: ${question.message}. Ask me for the status of the broker.`, turn, sessionKey: question.sessionKey })
  }
  for (const question of ['plain', Buffer.from('plain')]) {
    peer.request('agent.main', question)
    await peer.nextOf(Kind.part)
    t.deepEqual(valueOf(await peer.nextOf(Kind.response)), { message: 'You said: plain. Ask me for the status of the broker.', turn: 1 })
  }
})

test('main: asks the system agent for the status, and passes its figures or its failure on', async t => {
  const { peer } = await startMain(t)
  const asksSystem = async (): Promise<Parameters<typeof peer.answer>[0]> => {
    peer.request('$CB.to.agent.main', { message: 'What is the status?' })
    for (const content of ['reading message 1', 'asking the system agent']) t.true((valueOf(await peer.nextOf(Kind.part)) as { content: string }).content.startsWith(content))
    const asked = await peer.nextOf(Kind.request)
    t.is(asked.subject, 'command')
    t.deepEqual(valueOf(asked), { action: 'status', target: 'gateway' })
    return asked
  }
  peer.answer(await asksSystem(), { broker: { uptimeMs: 61_000, connections: 4, agents: 3, rssBytes: 90 * 2 ** 20 }, host: { name: 'ada' } })
  t.deepEqual(valueOf(await peer.nextOf(Kind.response)), { message: 'The broker has been up for 61 s with 4 connections and 3 agents, uses 90 MiB, and runs on ada.', turn: 1 })
  peer.refuse(await asksSystem(), 'request.no_responders', { subject: 'command' })
  t.like(valueOf(await peer.nextOf(Kind.error)), { code: 'request.no_responders' })
})
