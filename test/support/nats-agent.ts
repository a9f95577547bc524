// An agent in a language of its own, as far as the broker sees: the public NATS library, its credential, and no word of what it is.
// Has two connections, as programs do: by the one it answers requests to its name with its pid, by the other those of the queue group `work`, late.

import { setTimeout as delay } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'

const { NATS_PORT: port, CALLBOARD_AGENT: agent, CALLBOARD_SERVICE: name, CALLBOARD_TOKEN: token } = process.env
/** Time that work takes. ms */
const WORK_MS = 300

process.stdin.on('end', () => process.exit(0)).resume()
process.on('SIGTERM', () => process.exit(0))

const options = { servers: `127.0.0.1:${port}`, user: `agent:${agent}`, pass: token!, reconnect: false, timeout: 60_000 }
const first = await connect(options)
const second = await connect(options)
first.subscribe(`$CB.to.service.${name}`, { callback: (_, message) => void message.respond(String(process.pid)) })
second.subscribe('work', {
  queue: 'work',
  callback: (_, message) => void delay(WORK_MS).then(() => message.respond(String(process.pid))),
})
await Promise.all([first.flush(), second.flush()])
await first.request('$CB.api.registry.register', JSON.stringify({ name }))
