// A process that sends large messages and reads those of others, until it is killed. Usage: node memory-party.ts HOME BYTES.
// Each message is one byte value over and over; one that is not is told as `torn` on stdout, the first whole one as `whole`.

import { connect } from '../../client/index.ts'

const [home = '', bytes = ''] = process.argv.slice(2)
const client = await connect({ home, retry: false, connectTimeoutMs: 60_000, agent: false })
let isTold = false
client.subscribe('large', {
  onMessage: ({ payload }) => {
    const isWhole = payload.length === Number(bytes) && payload.every(byte => byte === payload[0])
    if (!isWhole) process.stdout.write('torn\n')
    else if (!isTold) process.stdout.write('whole\n')
    isTold ||= isWhole
  },
})
for (let i = 0; ; i++) await client.publish('large', new Uint8Array(Number(bytes)).fill(process.pid + i))
