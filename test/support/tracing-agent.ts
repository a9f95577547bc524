// An agent of a chain: answers what comes to its name, and asks the agent named in NEXT first. Its spans go where its environment says.
// With AGENT_URL it connects there, as AGENT_NAME, instead of to the broker that started it. Says `ready` when it can be reached.

/* oxlint-disable no-console -- what it prints is what tests look for */
import { connect, startTracing } from '../../client/index.ts'

const { NEXT, AGENT_URL, AGENT_NAME, AGENT_TOKEN } = process.env
const tracing = await startTracing()
const elsewhere = AGENT_URL === undefined ? {} : { url: AGENT_URL, agent: AGENT_NAME!, token: AGENT_TOKEN! }
const client = await connect({ tracing: tracing.isOn, ...elsewhere })

client.subscribe<string[]>('$CB.to.>', {
  onMessage: async message => {
    const path = [...message.value, client.welcome.principal]
    await message.respond(NEXT === undefined ? path : (await client.request(`$CB.to.agent.${NEXT}`, path)).value)
  },
})

async function leave(): Promise<void> {
  await client.close()
  await tracing.stop()
  process.exit(0)
}

process.on('SIGTERM', () => void leave())
process.stdin.on('end', () => void leave()).resume()
console.log('ready')
