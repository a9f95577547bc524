// The linter is only worth its time when it fails: faults planted in a project of its own must each be named.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import anyTest, { type TestFn } from 'ava'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const test = anyTest as TestFn<{ findings: ReadonlyMap<string, readonly string[]>; status: number | null }>
const root = join(import.meta.dirname, '../..')

const faults: [name: string, text: string, rule: string][] = [
  ['a promise that nobody waits for', 'declare function f(): Promise<void>\nf()\n', 'typescript(no-floating-promises)'],
  ['a promise where none is expected', 'export const f = (): void => [1].forEach(async () => {})\n', 'typescript(no-misused-promises)'],
  ['a loose comparison', 'export const f = (x: number): boolean => x == 1\n', 'eslint(eqeqeq)'],
  ['any', 'export const f = (x: any): void => void x\n', 'typescript(no-explicit-any)'],
  ['a type imported as a value', `import { A } from './fine.ts'\nexport type B = A\n`, 'typescript(consistent-type-imports)'],
  ['an unused variable', 'const unused = 1\n', 'eslint(no-unused-vars)'],
  ['work put off', '// TODO: later\nexport const a = 1\n', 'eslint(no-warning-comments)'],
  ['printing', `console.log('here')\n`, 'eslint(no-console)'],
  ['a forgotten case', `export const f = (x: 'a' | 'b'): number => {\n  switch (x) {\n    case 'a':\n      return 1\n  }\n  return 2\n}\n`, 'typescript(switch-exhaustiveness-check)'],
  ['a cycle of types', `import type { C } from './cycle.ts'\nexport interface D {\n  c: C\n}\n`, 'import(no-cycle)'],
]

const fileOf = (name: string): string => `${name.replaceAll(' ', '-')}.ts`

let removeDirectory: () => unknown

test.before(t => {
  const directory = temporaryDirectory({ teardown: remove => void (removeDirectory = remove) })
  const files: Record<string, string> = {
    'fine.ts': 'export type A = 1\n',
    'cycle.ts': `import type { D } from './a-cycle-of-types.ts'\nexport interface C {\n  d: D\n}\n`,
    'tsconfig.json': JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: { types: [] }, include: ['*.ts'] }),
    ...Object.fromEntries(faults.map(([name, text]) => [fileOf(name), text])),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
  const words = [join(root, 'node_modules/oxlint/bin/oxlint'), '-c', join(root, '.oxlintrc.json'), '--type-aware', '--deny-warnings', '-f', 'json']
  const { stdout, status } = spawnSync(process.execPath, words, { cwd: directory, encoding: 'utf8', timeout: 110_000 })
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { code: string; filename: string }[] }
  const findings = new Map<string, string[]>()
  for (const { filename, code } of diagnostics) findings.set(filename, [...(findings.get(filename) ?? []), code])
  t.context = { status, findings }
})

test.after.always(() => removeDirectory())

for (const [name, , rule] of faults) {
  test(`lint: finds ${name}`, t => t.deepEqual(t.context.findings.get(fileOf(name)), [rule]))
}

test('lint: fails when it finds something, and finds nothing where nothing is wrong', t => {
  t.is(t.context.status, 1)
  t.is(t.context.findings.get('fine.ts'), undefined)
})
