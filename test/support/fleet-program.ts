// An agent for tests of fleets: answers requests to its service's name and, in the queue group `workers`, those to `work`, with its version, its
// process and its instance. VERSION=bad exits at once; VERSION=mute never connects; WORK_MS is how long an answer takes.

import { setTimeout } from 'node:timers/promises'
import { connect } from '../../client/index.ts'

const { VERSION = '1', WORK_MS = '0', CALLBOARD_SERVICE = '', CALLBOARD_AGENT } = process.env
if (VERSION === 'bad') process.exit(7)
process.on('SIGTERM', () => process.exit(0))
process.stdin.on('end', () => process.exit(0)).resume()

if (VERSION !== 'mute') {
  const client = await connect({ retry: { enabled: true, maxRetries: Infinity } })
  const answer = async (message: { respond(value: unknown): Promise<void> }): Promise<void> => {
    if (WORK_MS !== '0') await setTimeout(Number(WORK_MS))
    await message.respond({ version: VERSION, pid: process.pid, instance: CALLBOARD_AGENT })
  }
  await client.subscribe('work', { group: 'workers', onMessage: answer }).ready
  await client.register({ name: CALLBOARD_SERVICE, onRequest: answer })
}
