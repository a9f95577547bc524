// Reads one YAML 1.2 document into a source tree. Anchors and aliases work; tags and merge keys do not.

import { isAlias, isMap, isScalar, isSeq, Lexer, parseDocument, type Document, type Node } from 'yaml'
import { shownKey } from './shown.ts'
import { collectionNode, MAX_DEPTH, scalarNode, type SourceFault, type SourceNode, type SourceText } from './source.ts'

/** Aliases multiply what they stand for: past this many values the file is refused. */
const MAX_NODES = 200_000

// The parser's own messages quote the text, which may be a secret; these do not.
const problems: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'this escape is not known; a backslash itself is written \\\\',
  BAD_INDENT: 'the indentation does not fit what it belongs to, or a bracket is not closed',
  BAD_SCALAR_START: 'a text cannot begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second ":" on this line; put texts with ": " in quotes',
  MISSING_CHAR: 'something is missing here: a quote, a bracket, a comma, or ": " after a key',
  MULTILINE_IMPLICIT_KEY: 'expected "key: value" on one line',
  MULTIPLE_DOCS: 'expected one document, a second one begins here',
  RESOURCE_EXHAUSTION: `nested deeper than ${MAX_DEPTH} levels`,
  TAB_AS_INDENT: 'tabs cannot indent; use spaces',
  TAG_RESOLVE_FAILED: 'tags (words beginning with "!") are not supported; put the text in quotes',
  UNEXPECTED_TOKEN: 'this does not belong here; check the indentation and the quotes',
}

/** The lexer marks documents, scalars and broken flows with control characters that are not in the text. */
const LEXER_MARKS = new Set(['\u0002', '\u0018', '\u001F'])

/** The tree of a YAML text. Of several faults only the first is told: what follows is often its consequence. */
export function readYaml(text: string): SourceText {
  const deep = nestedTooDeep(text)
  if (deep !== undefined) return { root: undefined, faults: [deep] }
  const document = parseDocument(text, { uniqueKeys: false, prettyErrors: false, logLevel: 'error' })
  const [first] = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0])
  if (first !== undefined) return { root: undefined, faults: [{ offset: first.pos[0], problem: problems[first.code] ?? 'this is not valid YAML' }] }
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null && document.contents.source === '')) return { root: undefined, faults: [] }
  const converter = new Converter(document)
  const root = converter.convert(document.contents, document.contents.range?.[0] ?? 0, 1)
  return { root: converter.faults.length > 0 ? undefined : root, faults: converter.faults }
}

/**
 * The parser recurses, and builds a regular expression as long as the indentation: some 100,000 dashes on one line end
 * the process. So the tokens are counted first: open brackets, and dashes in a row on one line.
 */
function nestedTooDeep(text: string): SourceFault | undefined {
  let offset = 0
  let brackets = 0
  let dashes = 0
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') brackets++
    else if (token === ']' || token === '}') brackets--
    else if (token === '-' || token === '?') dashes++
    else if (token.endsWith('\n')) dashes = 0
    if (brackets + dashes > MAX_DEPTH) return { offset, problem: problems['RESOURCE_EXHAUSTION']! }
    if (!LEXER_MARKS.has(token)) offset += token.length
  }
  return undefined
}

class Converter {
  readonly faults: SourceFault[] = []
  readonly #document: Document.Parsed
  #nodes = 0

  constructor(document: Document.Parsed) {
    this.#document = document
  }

  convert(node: Node | null, keyOffset: number, depth: number): SourceNode {
    const offset = node?.range?.[0] ?? keyOffset
    const empty = scalarNode(null, offset, keyOffset)
    if (depth > MAX_DEPTH) return this.#fault(offset, `nested deeper than ${MAX_DEPTH} levels`, empty)
    if (++this.#nodes > MAX_NODES) return this.#nodes === MAX_NODES + 1 ? this.#fault(offset, `more than ${MAX_NODES.toLocaleString('en-US')} values, aliases counted each time`, empty) : empty
    if (isAlias(node)) {
      const target = node.resolve(this.#document)
      if (target === undefined) return this.#fault(offset, 'no anchor of this name stands before; a text that begins with "*" must be in quotes', empty)
      // What the alias stands for is reported where the alias is used.
      return { ...this.convert(target, keyOffset, depth + 1), offset }
    }
    if (isSeq<Node | null>(node)) {
      const members = new Map(node.items.map((item, i) => [String(i), this.convert(item, item?.range?.[0] ?? offset, depth + 1)]))
      return collectionNode('list', members, offset, keyOffset)
    }
    if (!isMap<Node, Node | null>(node)) return scalarNode(isScalar(node) ? node.value : null, offset, keyOffset)
    const members = new Map<string, SourceNode>()
    for (const { key, value } of node.items) {
      const at = key?.range?.[0] ?? offset
      if (!isScalar(key)) this.#fault(at, 'a key must be a text', empty)
      else {
        const name = typeof key.value === 'string' ? key.value : (key.source ?? '')
        if (members.has(name)) this.#fault(at, `the key ${shownKey(name)} stands here a second time`, empty)
        members.set(name, this.convert(value, at, depth + 1))
      }
    }
    return collectionNode('map', members, offset, keyOffset)
  }

  #fault(offset: number, problem: string, result: SourceNode): SourceNode {
    this.faults.push({ offset, problem })
    return result
  }
}
