import test from 'ava'
import { partOf, upwardRules, violations, type Rules } from './layering.ts'

const rules: Rules = {
  parts: { cli: ['client'], client: ['broker/ground'], broker: ['broker/wire', 'broker/ground'], 'broker/wire': ['broker/ground'], 'broker/ground': [], 'index.ts': [] },
  packages: { zod: ['client'] },
  pure: ['broker/wire'],
  computed: ['cli'],
  emptyNames: ['utils'],
  maxLines: 3,
}

const judge = (sources: Record<string, string>): string[] => violations(new Map(Object.entries(sources)), rules)

test('layering check: imports along the rules pass', t => {
  t.deepEqual(
    judge({
      'cli/main.ts': `import '../client/index.ts'\nimport './table.ts'\nawait import(name)`,
      'cli/table.ts': `import 'node:fs'`,
      'client/index.ts': `import type { A } from '../broker/ground/types.ts'\nimport 'zod/mini'`,
      'broker/pipeline.ts': `import './wire/frame.ts'`,
      'broker/wire/frame.ts': `import '../ground/types.ts'`,
      'broker/ground/types.ts': '',
    }),
    [],
  )
})

const faults: [string, string, string, RegExp][] = [
  ['an arrow that points up', 'client/a.ts', `import '../cli/b.ts'`, /client must not import cli\/b\.ts/],
  ['a type from above', 'client/a.ts', `import type { B } from '../cli/b.ts'`, /client must not import/],
  ['a lazy import from above', 'client/a.ts', `await import('../cli/b.ts')`, /client must not import/],
  ['a layer passed over', 'cli/a.ts', `import '../broker/ground/b.ts'`, /cli must not import/],
  ['siblings', 'broker/ground/a.ts', `import '../wire/b.ts'`, /broker\/ground must not import/],
  ['a sibling that reaches for the composer', 'broker/wire/a.ts', `import '../pipeline.ts'`, /broker\/wire must not import broker\/pipeline\.ts/],
  ['a package of another part', 'cli/a.ts', `import 'zod'`, /cli must not import the package zod/],
  ['a package that no rule names', 'cli/a.ts', `import 'left-pad'`, /must not import the package left-pad/],
  ['the system in a pure part', 'broker/wire/a.ts', `import 'node:fs'`, /pure/],
  ['a computed import', 'client/a.ts', `await import(name)`, /computed/],
  ['a sibling without a rule', 'broker/novel/a.ts', '', /no rule/],
  ['a folder without a rule', 'novel/a.ts', '', /no rule/],
  ['an empty name of a folder', 'cli/utils/a.ts', '', /"utils" does not say/],
  ['an empty name of a file', 'cli/utils.ts', '', /"utils" does not say/],
  ['a long file', 'cli/a.ts', '1\n2\n3\n4\n', /4 lines, at most 3/],
  ['a cycle', 'cli/a.ts', `import './a.ts'`, /cycle: cli\/a\.ts → cli\/a\.ts/],
]

for (const [name, file, text, expected] of faults) {
  test(`layering check: finds ${name}`, t => {
    const found = judge({ [file]: text })
    t.is(found.length, 1)
    t.regex(found[0]!, expected)
  })
}

test('layering check: a file belongs to the deepest part that names it', t => {
  t.deepEqual(
    ['broker/wire/deep/a.ts', 'broker/pipeline.ts', 'broker/novel/a.ts', 'index.ts', 'other.ts'].map(file => partOf(file, rules)),
    ['broker/wire', 'broker', undefined, 'index.ts', undefined],
  )
})

test('layering check: a rule that points up, at itself or at nothing is found', t => {
  t.deepEqual(upwardRules({ ...rules, parts: { a: ['b', 'a'], b: ['a', 'c'] } }), ['a → a', 'b → a', 'b → c'])
})
