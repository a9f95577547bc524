// A configuration text as a tree of plain values, each with its place in the text. Knows no format and no key.

/** One value: a scalar, or a map or list with members. */
export interface SourceNode {
  readonly kind: 'scalar' | 'map' | 'list'
  /** The value of a scalar: text, number, boolean or null. */
  readonly scalar: unknown
  /** Values by key, or by position in the list as digits. */
  readonly members: ReadonlyMap<string, SourceNode>
  /** Where the value begins: UTF-16 units from the start of the text. */
  readonly offset: number
  /** Where its key begins; the value's own offset for items of lists and for the root. */
  readonly keyOffset: number
}

/** A place where the text is not what its format allows. Never quotes the text, which may hold secrets. */
export interface SourceFault {
  readonly offset: number
  readonly problem: string
}

/** What a reader made of a text: no root when there is nothing in it, or when it has faults. */
export interface SourceText {
  readonly root: SourceNode | undefined
  readonly faults: readonly SourceFault[]
}

/** Deepest nesting that a reader accepts; the keys that exist need seven. */
export const MAX_DEPTH = 32

export type KeyPath = readonly (string | number)[]

const NO_MEMBERS: ReadonlyMap<string, SourceNode> = new Map()

export function scalarNode(scalar: unknown, offset: number, keyOffset: number): SourceNode {
  return { kind: 'scalar', scalar, members: NO_MEMBERS, offset, keyOffset }
}

export function collectionNode(kind: 'map' | 'list', members: ReadonlyMap<string, SourceNode>, offset: number, keyOffset: number): SourceNode {
  return { kind, scalar: undefined, members, offset, keyOffset }
}

/** The node at `path`, undefined when some part of it is not there. */
export function nodeAt(root: SourceNode, path: KeyPath): SourceNode | undefined {
  let node: SourceNode | undefined = root
  for (const key of path) node = node?.members.get(String(key))
  return node
}

/** The node at `path` or, when that is missing, the nearest one around the place where it would be. */
export function nearestNodeAt(root: SourceNode, path: KeyPath): SourceNode {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(root, path.slice(0, length))
    if (node !== undefined) return node
  }
  return root
}

/** The plain value of a node, without the nodes in `leftOut`. */
export function plainValue(node: SourceNode, leftOut: ReadonlySet<SourceNode>): unknown {
  const members = [...node.members].filter(([, member]) => !leftOut.has(member))
  if (node.kind === 'list') return members.map(([, member]) => plainValue(member, leftOut))
  // fromEntries defines keys instead of assigning them: `__proto__` is a key like any other.
  if (node.kind === 'map') return Object.fromEntries(members.map(([key, member]) => [key, plainValue(member, leftOut)]))
  return node.scalar
}
