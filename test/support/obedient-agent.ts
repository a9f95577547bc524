// An agent that does what tests tell it. Says `ready PID` when it can be reached at its name, and then takes orders:
// pid, crash, leave, print, where, variable. With IGNORES_SIGTERM it has to be killed.

/* oxlint-disable no-console -- what it prints is what tests look for in the broker's log */
import { connect } from '../../client/index.ts'

const client = await connect({ connectTimeoutMs: 30_000, retry: { enabled: true, maxRetries: Infinity } })

interface Order {
  readonly do: 'pid' | 'crash' | 'leave' | 'print' | 'where' | 'variable'
  readonly text?: string
}

client.subscribe<Order>('$CB.to.>', {
  onMessage: async message => {
    const { do: order, text = '' } = message.value
    if (order === 'crash') process.exit(3)
    if (order === 'leave') process.exit(0)
    if (order === 'print') console.log(text)
    const answers = { pid: process.pid, where: process.cwd(), variable: process.env[text], print: null }
    await message.respond(answers[order])
  },
})

process.stdin.on('end', () => process.exit(0)).resume()
process.on('SIGTERM', () => {
  if (process.env['IGNORES_SIGTERM'] === undefined) process.exit(0)
})
console.log(`ready ${process.pid}`, ...process.argv.slice(2))
await client.publish('events.agent', process.pid)
