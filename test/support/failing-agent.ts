// An agent that goes wrong when it is told to: `hang` stops answering anything, for good; `err` answers with errors from then on.
// Registers by its name as agents do, and says its pid to whoever asks.

import { connect } from '../../client/index.ts'

const client = await connect({ connectTimeoutMs: 30_000, retry: { enabled: true, maxRetries: Infinity } })
const nothing = new Int32Array(new SharedArrayBuffer(4))
let isBroken = false

interface Order {
  readonly do?: 'hang' | 'err' | 'mend'
}

client.subscribe<Order | undefined>('$CB.to.>', {
  onMessage: async (message) => {
    const order = message.value?.do
    // As deaf as in a loop, without taking a processor from other tests.
    if (order === 'hang') for (;;) Atomics.wait(nothing, 0, 0)
    if (order === 'err') isBroken = true
    else if (order === 'mend') isBroken = false
    else if (isBroken) return message.fail('lamp.out_of_order', 'out of order')
    await message.respond(process.pid)
  },
})

process.stdin.on('end', () => process.exit(0)).resume()
process.on('SIGTERM', () => process.exit(0))
