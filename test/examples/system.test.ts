import { hostname, totalmem } from 'node:os'
import test, { type ExecutionContext } from 'ava'
import { brokerFigures } from '../../examples/figures.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { BrokerStatus } from '../../client/index.ts'
import { confirmSubscription, startSample, valueOf, type SampleAgent } from '../support/sample-agent.ts'

const status: BrokerStatus = {
  broker: 'b', incarnation: 3, version: '0.1.0', pid: 77, phase: 'run', uptimeMs: 10_000, home: '/h', socket: '/h/s', leases: [], connections: 4, channels: 5, agents: 3, rssBytes: 1e8, heapBytes: 2e7, cpuSeconds: 1.5,
  host: { name: 'n', loadAverage: [0, 0, 0], memoryBytes: 1, freeMemoryBytes: 1, cpus: 1 },
}

async function startSystem(t: ExecutionContext, env: Record<string, string> = { SYSTEM_REPORT_MS: '3600000' }): Promise<SampleAgent> {
  const sample = await startSample(t, 'system', env)
  t.is(await confirmSubscription(sample.peer), 'command')
  return sample
}

test('system: answers a status command with figures of broker and host', async t => {
  const { peer } = await startSystem(t)
  for (const command of [{ action: 'status', target: 'gateway' }, { action: 'status' }, 'status', Buffer.from('status')]) {
    peer.request('command', command)
    const asked = await peer.nextOf(Kind.request)
    t.is(asked.subject, '$CB.api.status')
    peer.answer(asked, status)
    const answer = valueOf(await peer.nextOf(Kind.response)) as { broker: object; host: object }
    t.like(answer, { type: 'status', target: 'gateway' })
    t.like(answer.broker, { pid: 77, phase: 'run', connections: 4, agents: 3, rssBytes: 1e8 })
    t.like(answer.host, { name: hostname(), memoryBytes: totalmem() })
  }
})

const unknown: [command: unknown, code: string][] = [
  [{ action: 'fly', target: 'gateway' }, 'command.unknown_action'],
  [{}, 'command.unknown_action'],
  ['fly', 'command.unknown_action'],
  [null, 'command.unknown_action'],
  [{ action: 'status', target: 'moon' }, 'command.unknown_target'],
]

test('system: what it does not know fails by name, and it goes on', async t => {
  const { peer } = await startSystem(t)
  for (const [command, code] of unknown) {
    peer.request('command', command)
    t.like(valueOf(await peer.nextOf(Kind.error)), { code: 'request.failed', details: { code } })
  }
  peer.publish('command', { action: 'fly' })
  // The action alone, as the first command that anybody tries has it.
  peer.request('command', 'status')
  t.is((await peer.next()).subject, '$CB.api.status')
})

test('system: reports by itself, and a refused report is not the last', async t => {
  const { peer } = await startSystem(t, { SYSTEM_REPORT_MS: '20' })
  const first = await peer.nextOf(Kind.request)
  peer.refuse(first, 'permission.denied', { principal: 'agent:system', action: 'publish', subject: first.subject })
  let frame = await peer.next()
  while (frame.kind === Kind.request) {
    peer.answer(frame, status)
    frame = await peer.next()
  }
  t.deepEqual([frame.kind, frame.subject], [Kind.publish, 'status'])
  t.like(valueOf(frame), { type: 'status', target: 'gateway' })
})

test('system: the CPU load is what was used since the report before, of the same broker', t => {
  t.is(brokerFigures(status, undefined).cpuLoad, 0)
  t.is(brokerFigures({ ...status, uptimeMs: 12_000, cpuSeconds: 2.5 }, status).cpuLoad, 0.5)
  t.is(brokerFigures({ ...status, incarnation: 4, uptimeMs: 12_000, cpuSeconds: 0.1 }, status).cpuLoad, 0)
  t.is(brokerFigures(status, status).cpuLoad, 0)
  t.false('home' in brokerFigures(status, undefined))
})
