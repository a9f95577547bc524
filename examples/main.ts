// The agent that conversations are led with: it thinks aloud, asks the system agent how the broker is when somebody
// wants to know, and answers. No language model is behind it; what comes before an answer and after it would be the same.

import { BrokerError, type Client, type Message } from '../client/index.ts'
import { runAgent, valueOf } from './agent.ts'
import type { BrokerFigures, HostFigures } from './figures.ts'

const SUBJECTS = ['agent.main', '$CB.to.agent.main']
/** Conversations whose turns are counted; the one that was silent longest is forgotten first. */
const MAX_CONVERSATIONS = 1000

/** What a client of the gateway asks: see "agent" in docs/protocol.md. */
interface Question {
  readonly text: string
  readonly sessionKey: string | undefined
}

const turns = new Map<string, number>()

/** Text as it is; of an object its `message` and `sessionKey`. */
function questionOf(value: unknown): Question {
  if (typeof value === 'string') return { text: value, sessionKey: undefined }
  const { message, sessionKey } = (value ?? {}) as { message?: unknown; sessionKey?: unknown }
  return { text: typeof message === 'string' ? message : JSON.stringify(message ?? value), sessionKey: typeof sessionKey === 'string' ? sessionKey : undefined }
}

/** How many messages of this conversation there were, this one included. */
function countTurn(sessionKey: string): number {
  const turn = (turns.get(sessionKey) ?? 0) + 1
  turns.delete(sessionKey)
  turns.set(sessionKey, turn)
  if (turns.size > MAX_CONVERSATIONS) turns.delete(turns.keys().next().value!)
  return turn
}

async function statusSentence(client: Client, signal: AbortSignal): Promise<string> {
  const { value } = await client.request<{ broker: BrokerFigures; host: HostFigures }>('command', { action: 'status', target: 'gateway' }, { signal })
  const { broker, host } = value
  return `The broker has been up for ${Math.round(broker.uptimeMs / 1000)} s with ${broker.connections} connections and ${broker.agents} agents, uses ${Math.round(broker.rssBytes / 2 ** 20)} MiB, and runs on ${host.name}.`
}

async function answer(client: Client, message: Message): Promise<void> {
  if (!message.isReplyable) return
  const { text, sessionKey } = questionOf(valueOf(message))
  const turn = sessionKey === undefined ? 1 : countTurn(sessionKey)
  const think = (content: string): Promise<void> => message.part({ type: 'thinking', content })
  await think(`reading message ${turn} of this conversation: ${text.length} characters`)
  let said = `You said: ${text}. Ask me for the status of the broker.`
  if (/status|broker|gateway|how are you/i.test(text)) {
    await think('asking the system agent how the broker is')
    said = await statusSentence(client, message.signal)
  }
  await message.respond({ message: said, turn, ...(sessionKey === undefined ? {} : { sessionKey }) })
}

/** What went wrong is the asker's to know, as long as somebody asks. */
async function answerOrFail(client: Client, message: Message): Promise<void> {
  try {
    await answer(client, message)
  } catch (error) {
    if (message.isReplyable) await message.fail(BrokerError.from(error))
  }
}

await runAgent(async client => {
  await Promise.all(SUBJECTS.map(subject => client.subscribe(subject, { onMessage: message => answerOrFail(client, message) }).ready))
})
