// An agent that says what time it is somewhere: several instances of it answer under one name.

import type { Message } from '../client/index.ts'
import { runAgent, valueOf } from './agent.ts'

const { CALLBOARD_AGENT: instance = 'time', CALLBOARD_SERVICE: name = 'time', TIME_VERSION: version = '1.0.0' } = process.env

async function answer(message: Message): Promise<void> {
  const zone = String(valueOf(message))
  // A zone that nobody knows throws: who asked is told.
  const time = new Date().toLocaleTimeString('en-GB', { timeZone: zone })
  await message.respond({ zone, time, by: instance, version })
}

await runAgent(async client => {
  await client.register({ name, version, onRequest: answer })
})
