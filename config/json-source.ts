// Reads JSON with comments and trailing commas into a source tree.

import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { shownKey } from './shown.ts'
import { collectionNode, MAX_DEPTH, scalarNode, type SourceFault, type SourceNode, type SourceText } from './source.ts'

// The parser names its errors in its own words; these say what to change.
const problems: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is not a value; texts and keys stand in double quotes',
  InvalidNumberFormat: 'this is not a number',
  PropertyNameExpected: 'expected a key in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected ":" after the key',
  CommaExpected: 'expected "," between two members',
  CloseBraceExpected: 'expected "}"',
  CloseBracketExpected: 'expected "]"',
  EndOfFileExpected: 'expected nothing more after the closing bracket',
  UnexpectedEndOfComment: 'the comment does not end',
  UnexpectedEndOfString: 'the text does not end on its line; a double quote is missing',
  UnexpectedEndOfNumber: 'the number does not end',
  InvalidUnicode: 'expected four hexadecimal digits after \\u',
  InvalidEscapeCharacter: 'this escape is not known; a backslash itself is written \\\\',
  InvalidCharacter: 'this control character must be written as an escape',
}

/** The tree of a JSON text. Of several faults only the first is told: what follows is often its consequence. */
export function readJson(text: string): SourceText {
  const errors: ParseError[] = []
  let tree: Node | undefined
  try {
    tree = parseTree(text, errors, { allowTrailingComma: true, disallowComments: false })
  } catch (error) {
    // The parser calls itself for each level, so that a few thousand brackets exhaust the stack.
    if (!(error instanceof RangeError)) throw error
    return { root: undefined, faults: [tooDeep(0)] }
  }
  const first = errors[0]
  if (tree === undefined && isBlank(text)) return { root: undefined, faults: [] }
  if (first !== undefined) {
    const name = printParseErrorCode(first.error)
    return { root: undefined, faults: [{ offset: first.offset, problem: problems[name] ?? 'this is not valid JSON' }] }
  }
  const faults: SourceFault[] = []
  const root = tree && convert(tree, tree.offset, 1, faults)
  return { root: faults.length > 0 ? undefined : root, faults }
}

function convert(node: Node, keyOffset: number, depth: number, faults: SourceFault[]): SourceNode {
  if (node.type !== 'object' && node.type !== 'array') return scalarNode(node.value, node.offset, keyOffset)
  const members = new Map<string, SourceNode>()
  if (depth > MAX_DEPTH) faults.push(tooDeep(node.offset))
  else if (node.type === 'array') for (const [i, item] of (node.children ?? []).entries()) members.set(String(i), convert(item, item.offset, depth + 1, faults))
  else
    for (const property of node.children ?? []) {
      const [key, value] = property.children ?? []
      if (key === undefined || value === undefined) continue
      const name = String(key.value)
      if (members.has(name)) faults.push({ offset: key.offset, problem: `the key ${shownKey(name)} stands here a second time` })
      members.set(name, convert(value, key.offset, depth + 1, faults))
    }
  return collectionNode(node.type === 'array' ? 'list' : 'map', members, node.offset, keyOffset)
}

function tooDeep(offset: number): SourceFault {
  return { offset, problem: `nested deeper than ${MAX_DEPTH} levels` }
}

function isBlank(text: string): boolean {
  return text.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '').trim() === ''
}
