// In a file of its own: what is loaded counts for the whole process.

import { registerHooks } from 'node:module'
import test from 'ava'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('telemetry: nothing of OpenTelemetry is loaded until somebody configured it', async t => {
  const loaded = new Set<string>()
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier.startsWith('@opentelemetry/')) loaded.add(specifier)
      return nextResolve(specifier, context)
    },
  })
  t.teardown(() => hooks.deregister())
  const { createBroker, defaultSettings } = await import('../../index.ts')
  const { connect, startTracing } = await import('../../client/index.ts')
  const home = temporaryDirectory(t)
  const run = async (telemetry: object, tracing: boolean | 'propagate'): Promise<string[]> => {
    const settings = { ...defaultSettings, gateway: { ...defaultSettings.gateway, enabled: false }, nats: { ...defaultSettings.nats, enabled: false }, telemetry: { ...defaultSettings.telemetry, ...telemetry } }
    const broker = await createBroker({ home, settings })
    const off = await startTracing({}, {})
    const client = await connect({ home, tracing, requestTimeoutMs: 60_000 })
    await client.publish('a', 1, { receipt: true, headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' } })
    await client.close()
    await off.stop()
    await broker.stop()
    return [...loaded]
  }
  t.deepEqual(await run({}, false), [])
  t.deepEqual(await run({}, 'propagate'), [])
  t.deepEqual(await run({}, true), ['@opentelemetry/api'])
  t.true((await run({ prometheus: true }, false)).includes('@opentelemetry/sdk-metrics'))
})
