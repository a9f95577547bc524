// Every key of the block `telemetry`, in a broker that has it and against a receiver that sees the difference.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { runCallboard } from '../support/run-callboard.ts'
import { startBrokerProcess, type BrokerProcess } from '../support/broker.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { temporaryDirectory, type Teardown } from '../support/temporary-directory.ts'

const SAMPLED = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }

interface Story {
  readonly receiver: OtlpReceiver
  readonly broker: BrokerProcess
  /** What was sent to until the broker had ended. */
  ended(): Promise<Set<string>>
}

async function story(t: Teardown, telemetry: object, home?: string): Promise<Story> {
  const receiver = await OtlpReceiver.start(t)
  const broker = await startBrokerProcess(t, { ...(home === undefined ? {} : { home }), config: { telemetry: { endpoint: receiver.endpoint, ...telemetry } } })
  return {
    receiver,
    broker,
    async ended() {
      await broker.end('SIGTERM')
      return new Set(receiver.requests.map(({ path }) => path))
    },
  }
}

async function publishTraced({ broker }: Story): Promise<void> {
  const client = await broker.connect()
  await client.publish('traced', 1, { headers: SAMPLED, receipt: true })
  await client.close()
}

/** What is sent by and by is not left to the broker's end, which takes 3 s at most. */
function arrived({ receiver }: Story, paths: readonly string[]): Promise<true> {
  return receiver.found(({ requests }) => paths.every(each => requests.some(({ path }) => path === each)) || undefined)
}

test('config: telemetry.endpoint gets traces, metrics and logs, at the end at the latest', async t => {
  const sent = await story(t, {})
  await publishTraced(sent)
  t.deepEqual([...(await sent.ended())].toSorted(), ['/v1/logs', '/v1/metrics', '/v1/traces'])
  t.true(sent.receiver.logs.some(({ body, service }) => body === 'started' && service === 'callboard'))
  t.true(sent.receiver.point('messaging.client.sent.messages')! >= 1)
  t.true(sent.receiver.spans.some(({ name }) => name === 'publish traced'))
})

for (const [key, path] of [['traces', '/v1/traces'], ['metrics', '/v1/metrics'], ['logs', '/v1/logs']] as const) {
  test(`config: telemetry.${key} false leaves that out`, async t => {
    const others = ['/v1/logs', '/v1/metrics', '/v1/traces'].filter(other => other !== path)
    const sent = await story(t, { [key]: false, exportInterval: '1s' })
    await publishTraced(sent)
    await arrived(sent, others)
    t.deepEqual([...(await sent.ended())].toSorted(), others)
  })
}

test('config: telemetry.headers and telemetry.headersFile go with every export, and nowhere else', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'collector-headers'), 'authorization: Bearer of-the-file\n', { mode: 0o600 })
  const sent = await story(t, { headers: { 'x-tenant': 'of-the-config' }, headersFile: 'collector-headers', exportInterval: '1s' }, home)
  await publishTraced(sent)
  await arrived(sent, ['/v1/logs', '/v1/metrics', '/v1/traces'])
  await sent.ended()
  t.true(sent.receiver.requests.length >= 3)
  for (const { headers } of sent.receiver.requests) t.like(headers, { authorization: 'Bearer of-the-file', 'x-tenant': 'of-the-config' })
  const told = JSON.stringify([sent.receiver.logs, sent.receiver.spans, sent.receiver.points], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  t.notRegex(told, /of-the-(?:file|config)/)
})

test('config: a headers file that cannot be used ends the start by name', async t => {
  const home = temporaryDirectory(t)
  writeFileSync(join(home, 'config.json'), JSON.stringify({ telemetry: { endpoint: 'http://127.0.0.1:1', headersFile: 'missing' } }))
  const { exit, stderr } = await runCallboard(t, ['start'], { home })
  t.not(exit, 0)
  t.regex(stderr, /the headers in .*missing cannot be used/)
})

test('config: telemetry.exportInterval says how often metrics come', async t => {
  const [often, seldom] = await Promise.all([story(t, { exportInterval: '1s' }), story(t, { exportInterval: '1h' })])
  const exports = ({ receiver }: Story): number => receiver.requests.filter(({ path }) => path === '/v1/metrics').length
  await often.receiver.found(() => exports(often) >= 2)
  t.is(exports(seldom), 0)
})

test('config: telemetry.serviceName is the name of the broker', async t => {
  const sent = await story(t, { serviceName: 'callboard-berlin', exportInterval: '1s' })
  await publishTraced(sent)
  await arrived(sent, ['/v1/logs', '/v1/metrics', '/v1/traces'])
  await sent.ended()
  const { spans, logs, points } = sent.receiver
  t.deepEqual([...new Set([...spans, ...logs, ...points].map(({ service }) => service))], ['callboard-berlin'])
})
