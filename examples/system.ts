// An agent that knows how the broker and its machine are doing: it answers `status` commands and reports by itself.

import { BrokerError, type BrokerStatus, type Client, type Message } from '../client/index.ts'
import { runAgent, valueOf } from './agent.ts'
import { brokerFigures, hostFigures, type BrokerFigures, type HostFigures } from './figures.ts'

const REPORT_MS = Number(process.env['SYSTEM_REPORT_MS'] ?? 5000)

interface Report {
  readonly type: 'status'
  readonly target: 'gateway'
  readonly broker: BrokerFigures
  readonly host: HostFigures
}

let previous: BrokerStatus | undefined

async function report(client: Client): Promise<Report> {
  const status = await client.call('status')
  const broker = brokerFigures(status, previous)
  previous = status
  return { type: 'status', target: 'gateway', broker, host: hostFigures() }
}

/** A command such as `{"action":"status","target":"gateway"}`, or its action alone as text; anything else fails by a name of its own. */
async function answer(client: Client, message: Message): Promise<void> {
  // Published commands want no answer; those are for agents that act on them.
  if (!message.isReplyable) return
  const value = valueOf(message)
  const command = typeof value === 'string' ? { action: value.trim() } : value
  const { action, target = 'gateway' } = (command ?? {}) as { action?: unknown; target?: unknown }
  if (action !== 'status') await message.fail('command.unknown_action', `the action must be "status", got ${JSON.stringify(action)}`)
  else if (target !== 'gateway') await message.fail('command.unknown_target', `the target must be "gateway", got ${JSON.stringify(target)}`)
  else await message.respond(await report(client))
}

async function publishReport(client: Client): Promise<void> {
  // A report that waits for the connection is out of date when it leaves.
  if (!client.isConnected) return
  try {
    await client.publish('status', await report(client))
  } catch (error) {
    // The next one may get through.
    console.error(BrokerError.from(error).message)
  }
}

await runAgent(async client => {
  await client.subscribe('command', { onMessage: message => answer(client, message) }).ready
  const timer = setInterval(() => void publishReport(client), REPORT_MS)
  void client.closed.then(() => clearInterval(timer))
})
