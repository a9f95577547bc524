// In a file of its own: what is loaded counts for the whole process.

import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { writeFileSync } from 'node:fs'
import test from 'ava'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('load config: libraries are loaded when a file needs them, and none without a file', async t => {
  const packages = ['zod', 'yaml', 'jsonc-parser']
  const loaded = new Set<string>()
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (packages.includes(specifier)) loaded.add(specifier)
      return nextResolve(specifier, context)
    },
  })
  t.teardown(() => hooks.deregister())
  const { loadConfigOf } = await import('../../config/load.ts')
  await import('../../config/units.ts')
  const home = temporaryDirectory(t)
  await loadConfigOf({ home })
  t.deepEqual([...loaded], [])
  writeFileSync(join(home, 'config.json'), '{}')
  await loadConfigOf({ home })
  t.deepEqual([...loaded].toSorted(), ['jsonc-parser', 'zod'])
  writeFileSync(join(home, 'fleet.yaml'), '{}')
  await loadConfigOf({ home, file: join(home, 'fleet.yaml') })
  t.deepEqual([...loaded].toSorted(), ['jsonc-parser', 'yaml', 'zod'])
})
