import test from 'ava'
import { findCycles, readImports } from './import-graph.ts'

const targets = (text: string): (string | undefined)[] => readImports(new Map([['client/session/here.ts', text]])).map(({ to }) => to)

const forms: [string, string][] = [
  [`import a from '../x.ts'`, 'client/x.ts'],
  [`import { a, type B } from "../../broker/ground/types.ts"`, 'broker/ground/types.ts'],
  [`import {\n  a,\n  b,\n} from './x.ts'`, 'client/session/x.ts'],
  [`import * as a from 'node:fs'`, 'node:fs'],
  [`import type { A } from 'zod'`, 'zod'],
  [`import './x.ts'`, 'client/session/x.ts'],
  [`export * from './x.ts'`, 'client/session/x.ts'],
  [`export type { A } from './x.ts'`, 'client/session/x.ts'],
  [`import data from '../x.json' with { type: 'json' }`, 'client/x.json'],
  [`const a = await import('./x.ts')`, 'client/session/x.ts'],
  [`type A = typeof import('@opentelemetry/api/build')`, '@opentelemetry/api'],
  [`load(() => import(\n  './x.ts',\n))`, 'client/session/x.ts'],
]

for (const [text, expected] of forms) {
  test(`import graph: finds ${JSON.stringify(text)}`, t => t.deepEqual(targets(text), [expected]))
}

test('import graph: an import() of something computed has no target', t => {
  t.deepEqual(targets('await import(name)\nawait import(`./${name}.ts`)'), [undefined, undefined])
})

for (const text of [`// import './x.ts'`, `/** like import('./x.ts') */`, `const a = 1 // import('zod')`, `export const a = 'b'`, `important('./x.ts')`]) {
  test(`import graph: nothing is imported by ${text}`, t => t.deepEqual(targets(text), []))
}

const graph = (text: string): { from: string; to: string }[] => text.split(' ').map(pair => ({ from: pair[0]!, to: pair[1]! }))
const cycles = (text: string): string[] => findCycles(graph(text)).map(path => path.join(''))

test('import graph: a glob is no comment that swallows what follows', t => {
  t.deepEqual(targets(`const a = glob('**/*.ts')\nimport './x.ts'\nconst b = '*/'`), ['client/session/x.ts'])
})

test('import graph: no cycle where two paths meet again', t => t.deepEqual(cycles('ab ac bd cd de'), []))
test('import graph: a file that imports itself is a cycle', t => t.deepEqual(cycles('ab bb'), ['bb']))
test('import graph: a long way back is a cycle', t => t.deepEqual(cycles('ab bc cd db ae'), ['bcdb']))
test('import graph: separate cycles are all found', t => t.deepEqual(cycles('ab ba cd dc'), ['aba', 'cdc']))
