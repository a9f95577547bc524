import test from 'ava'
import fc from 'fast-check'
import { readJson } from '../../config/json-source.ts'
import { type KeyPath, nearestNodeAt, nodeAt, plainValue, type SourceText } from '../../config/source.ts'
import { pathText } from '../../config/shown.ts'
import { readYaml } from '../../config/yaml-source.ts'

const valueOf = ({ root }: SourceText): unknown => root && plainValue(root, new Set())
const faultOf = ({ faults }: SourceText): unknown => [faults[0]?.offset, faults[0]?.problem]

test('json source: comments and trailing commas are no fault', t => {
  t.deepEqual(valueOf(readJson('// first\n{"a": 1, /* second */ "b": [true, null, "x",],}')), { a: 1, b: [true, null, 'x'] })
})

test('yaml source: anchors and aliases stand for their values', t => {
  t.deepEqual(valueOf(readYaml('base: &b {x: 1}\ncopy: *b\nlist: [*b, 2]')), { base: { x: 1 }, copy: { x: 1 }, list: [{ x: 1 }, 2] })
})

test('yaml source: only true and false are booleans, as YAML 1.2 has it', t => {
  t.deepEqual(valueOf(readYaml('[yes, no, on, true, 010, 1.5, ~]')), ['yes', 'no', 'on', true, 10, 1.5, null])
})

test('json source: any JSON value is read as JSON.parse reads it', t => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5 }), value => {
    const text = JSON.stringify(value)
    t.deepEqual(valueOf(readJson(text)), JSON.parse(text))
  }), { numRuns: 200 })
})

test('yaml source: any JSON text is YAML with the same value', t => {
  fc.assert(fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: true }), value => {
    const text = JSON.stringify(value)
    t.deepEqual(valueOf(readYaml(text)), JSON.parse(text))
  }), { numRuns: 200 })
})

test('sources: each value and key is found where it stands', t => {
  const text = '{"ipc": {"timeout": "5s", "list": [1, 22]}}'
  for (const { root } of [readJson(text), readYaml(text)]) {
    const at = (...path: KeyPath): string => text.slice(nodeAt(root!, path)!.offset)
    t.true(at('ipc', 'timeout').startsWith('"5s"'))
    t.true(at('ipc', 'list', 1).startsWith('22]'))
    t.true(text.slice(nodeAt(root!, ['ipc', 'timeout'])!.keyOffset).startsWith('"timeout"'))
    t.is(nodeAt(root!, ['ipc', 'none']), undefined)
    t.true(text.slice(nearestNodeAt(root!, ['ipc', 'none', 'deeper']).offset).startsWith('{"timeout"'))
  }
})

test('sources: nothing but comments is no tree and no fault', t => {
  for (const result of [readJson(''), readJson(' // a\n/* b */ '), readYaml(''), readYaml('# a\n'), readYaml('---\n')]) t.deepEqual(result, { root: undefined, faults: [] })
})

test('sources: the first fault is told with its place, in words that quote nothing', t => {
  t.deepEqual(faultOf(readJson('{"a" 1}')), [5, 'expected ":" after the key'])
  t.deepEqual(faultOf(readJson('{"a": "x')), [6, 'the text does not end on its line; a double quote is missing'])
  t.deepEqual(faultOf(readJson("{'a': 1}")), [1, 'this is not a value; texts and keys stand in double quotes'])
  t.deepEqual(faultOf(readYaml('a: b: c')), [3, 'a second ":" on this line; put texts with ": " in quotes'])
  t.deepEqual(faultOf(readYaml('\ta: 1')), [0, 'tabs cannot indent; use spaces'])
  t.deepEqual(faultOf(readYaml('a: 1\n---\nb: 2')), [5, 'expected one document, a second one begins here'])
  t.deepEqual(faultOf(readYaml('a: *name')), [3, 'no anchor of this name stands before; a text that begins with "*" must be in quotes'])
  t.deepEqual(faultOf(readYaml('a: !secret x')), [3, 'tags (words beginning with "!") are not supported; put the text in quotes'])
  t.deepEqual(faultOf(readYaml('? [1]\n: 2')), [2, 'a key must be a text'])
})

test('sources: a key that stands twice is a fault at the second', t => {
  t.deepEqual(faultOf(readJson('{"a": 1, "a": 2}')), [9, 'the key "a" stands here a second time'])
  t.deepEqual(faultOf(readYaml('a: 1\nb: 2\na: 3')), [10, 'the key "a" stands here a second time'])
})

test('sources: deep nesting and multiplying aliases are refused before they cost memory', t => {
  for (const text of ['['.repeat(200_000), '{"a":'.repeat(50_000), '['.repeat(40) + ']'.repeat(40)]) {
    t.is(readJson(text).faults[0]?.problem, 'nested deeper than 32 levels')
    t.is(readYaml(text).faults[0]?.problem, 'nested deeper than 32 levels')
  }
  for (const text of ['- '.repeat(100_000), '? '.repeat(100_000), 'a: &a [*a]', Array.from({ length: 200 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')]) t.is(readYaml(text).faults[0]?.problem, 'nested deeper than 32 levels')
  const laughs = ['a0: &a0 [1]', ...Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(10)}]`)].join('\n')
  t.is(readYaml(laughs).faults[0]?.problem, 'more than 200,000 values, aliases counted each time')
})

test('sources: a key named __proto__ is a key', t => {
  for (const result of [readJson('{"__proto__": {"x": 1}}'), readYaml('__proto__: {x: 1}')]) {
    t.deepEqual(Object.keys(valueOf(result) as object), ['__proto__'])
    t.is(({} as { x?: number }).x, undefined)
  }
})

test('sources: any text gives a tree or a fault inside the text, and never throws', t => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...Array.from('{}[]:,"\'#-?*&!|>%@ \n\tab1\\/')), maxLength: 40 }), text => {
    for (const result of [readJson(text), readYaml(text)]) for (const { offset } of result.faults) if (offset < 0 || offset > text.length) return false
    return true
  }), { numRuns: 2000 })
  t.pass()
})

test('paths: written as people write them', t => {
  t.is(pathText(['agents', 0, 'env', 'PATH']), 'agents[0].env.PATH')
  t.is(pathText(['ipc', 'security', 'processes', 'a b']), 'ipc.security.processes["a b"]')
  t.is(pathText(['$schema']), '$schema')
})
