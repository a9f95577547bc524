// The agent that must not feel the other one: answers with what it was asked.

import { connect } from '../../client/index.ts'

const client = await connect({ connectTimeoutMs: 30_000 })
client.subscribe('bench.neighbour', { onMessage: message => message.respond(message.value) })
process.on('SIGTERM', () => process.exit(0))
process.stdin.on('end', () => process.exit(0)).resume()
