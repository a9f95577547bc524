// What every agent of the fleet does: connect, work, and end when it is asked to or when its broker is gone.

import { connect, startTracing, type Client, type Message } from '../client/index.ts'

/**
 * Connects, calls `work`, and lives until SIGTERM or until the broker goes. A broker that starts an agent leaves it a
 * stdin on which nothing comes; its end says that the broker is gone, also when it was killed.
 */
export async function runAgent(work: (client: Client) => Promise<void>): Promise<void> {
  // Where the broker sends telemetry, an agent sends its spans too, of what others trace; elsewhere this loads nothing.
  const tracing = await startTracing({ ratio: 0 })
  const client = await connect({ tracing: tracing.isOn, retry: { enabled: true, maxRetries: Infinity } })
  // What nobody waits for: a refused publish, a handler that threw. Into the broker's log, by stderr.
  client.on('error', error => console.error(error.message))
  const isStartedByBroker = process.env['CALLBOARD_AGENT'] !== undefined
  if (isStartedByBroker) process.stdin.on('end', () => client.destroy()).resume()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void client.close())
  await work(client)
  console.log('ready')
  const problem = await client.closed
  await tracing.stop()
  // Open, it would keep the process alive.
  if (isStartedByBroker) process.stdin.destroy()
  if (problem !== undefined) throw problem
}

/** What a message says. Bytes are read as text: NATS clients send texts and never say so. */
export function valueOf(message: Message): unknown {
  const { value } = message
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : value
}
