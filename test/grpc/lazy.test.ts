// In a file of its own: what is loaded counts for the whole process.

import { registerHooks } from 'node:module'
import test from 'ava'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('grpc: nothing of it is loaded in a broker without the block', async t => {
  const loaded = new Set<string>()
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier.includes('grpc')) loaded.add(specifier)
      return nextResolve(specifier, context)
    },
  })
  t.teardown(() => hooks.deregister())
  const { createBroker } = await import('../../index.ts')
  const { defaultGrpc, defaultSettings } = await import('../../broker/ground/settings.ts')
  const settings = { ...defaultSettings, nats: { ...defaultSettings.nats, enabled: false }, gateway: { ...defaultSettings.gateway, enabled: false } }
  const without = await createBroker({ home: temporaryDirectory(t), settings })
  await without.stop()
  t.deepEqual([...loaded], [])
  const broker = await createBroker({ home: temporaryDirectory(t), settings: { ...settings, grpc: { ...defaultGrpc, hasPort: false } } })
  await broker.stop()
  t.true(loaded.has('@grpc/grpc-js'))
})
