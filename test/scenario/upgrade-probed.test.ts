// An upgrade of the broker with an agent that is looked after by probes: it is in service all the time.

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import { connect } from '../../client/index.ts'
import { endHolder, isRunning } from '../support/broker-home.ts'
import { startCallboard } from '../support/callboard.ts'
import { errorCode } from '../support/error-code.ts'
import { bin } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const script = join(import.meta.dirname, '../support/failing-agent.ts')

test('upgrade: an agent that its probes have not seen well yet relieves nobody, and none of the requests to its name or address fails', async t => {
  const server = createServer((_, response) => response.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const config = join(temporaryDirectory(t), 'agents.json')
  const probes = [
    // Again and again while the one process has handed over and the other is not ready: nobody ends for that. On a busy machine an answer takes its time.
    { kind: 'ping', interval: '200ms', timeout: '5s', failureThreshold: 3 },
    { kind: 'http', url: `:${(server.address() as AddressInfo).port}/`, initialDelay: '1500ms' },
  ]
  writeFileSync(config, JSON.stringify({ agents: [{ name: 'lamp', command: 'node', args: [script], probes }] }))
  const broker = await startCallboard(t, { config })
  endHolder(t, broker.home)
  const { socket } = broker.started
  const client = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: 60_000 })
  t.teardown(() => client.destroy())
  await until(async () => (await errorCode(client.request({ service: 'lamp' }, {}))) === 'resolved')
  const over = new AbortController()
  const failed: string[] = []
  const pids = new Set<number>()
  const asking = ['$CB.to.service.lamp', '$CB.to.agent.lamp'].map(async subject => {
    while (!over.signal.aborted) {
      try {
        pids.add((await client.request<number>(subject, {})).value)
      } catch (error) {
        failed.push(`${subject} ${BrokerError.from(error).code}`)
      }
    }
  })
  const [before] = (await client.call('agents')).agents
  // For so long the agent's connection is nowhere: five of its pings.
  const slow = join(broker.home, 'slow.mjs')
  writeFileSync(slow, `process.on('message', ({ type }) => { if (type === 'take') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200) })`)
  // Whoever asks for it stays behind.
  const admin = await connect({ home: broker.home, socket, agent: false, requestTimeoutMs: 60_000 })
  t.teardown(() => admin.destroy())
  await admin.call('upgrade', { program: [process.execPath, '--import', slow, bin] })
  await until(() => pids.size > 1 && !isRunning(before!.pid!))
  over.abort()
  await Promise.all(asking)
  t.deepEqual(failed, [])
  const [after] = (await client.call('agents')).agents
  t.deepEqual([...pids], [before!.pid!, after!.pid!])
  t.is(after!.health, 'healthy')
})
