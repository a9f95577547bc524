// Makes dist/, what the package ships beside bin/ and docs/: JavaScript, its types, and the sample fleet.

import { execFileSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const dist = join(root, 'dist')

rmSync(dist, { recursive: true, force: true })
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { stdio: 'inherit' })

for (const file of globSync(['config/schema.json', 'proto/**/*.proto', 'examples/*.py', 'examples/*.yaml'], { cwd: root })) {
  const target = join(dist, file)
  mkdirSync(dirname(target), { recursive: true })
  // Node strips types only outside node_modules, so an installed fleet runs the compiled agents.
  if (file.endsWith('.yaml')) writeFileSync(target, readFileSync(join(root, file), 'utf8').replaceAll('.ts', '.js'))
  else cpSync(join(root, file), target)
}
