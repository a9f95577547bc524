// Who is interested in which subjects: a trie of patterns. Knows nothing of connections or bytes.
//
//   events ─┬─ * ─ created        node.children by token, node.star for `*`, node.rest for `>`
//           └─ >

class Node<T> {
  children: Map<string, Node<T>> | undefined
  star: Node<T> | undefined
  rest: Node<T> | undefined
  entries: Set<T> | undefined

  get isEmpty(): boolean {
    return this.children === undefined && this.star === undefined && this.rest === undefined && this.entries === undefined
  }
}

export class Interest<T> {
  readonly #root = new Node<T>()
  #size = 0

  /** How many entries it holds. */
  get size(): number {
    return this.#size
  }

  /** Adds an entry under a pattern's tokens; the same entry twice is held once. */
  add(pattern: readonly string[], entry: T): void {
    let node = this.#root
    for (const token of pattern) node = grow(node, token)
    node.entries ??= new Set()
    const before = node.entries.size
    this.#size += node.entries.add(entry).size - before
  }

  /** Takes one entry back; false when it is not there. */
  remove(pattern: readonly string[], entry: T): boolean {
    const path = [this.#root]
    for (const token of pattern) {
      const next = step(path.at(-1)!, token)
      if (next === undefined) return false
      path.push(next)
    }
    const leaf = path.at(-1)!
    if (!leaf.entries?.delete(entry)) return false
    if (leaf.entries.size === 0) leaf.entries = undefined
    this.#size--
    for (let i = path.length - 1; i > 0 && path[i]!.isEmpty; i--) prune(path[i - 1]!, pattern[i - 1]!)
    return true
  }

  /** True when patterns name the token behind these: subjects that begin so and have one more differ in what matches them. */
  namesNext(prefix: readonly string[]): boolean {
    return namesNext(this.#root, prefix, 0)
  }

  /** Calls `visit` for every entry whose pattern matches the subject's tokens. */
  match(subject: readonly string[], visit: (entry: T) => void): void {
    walk(this.#root, subject, 0, visit)
  }
}

function walk<T>(node: Node<T>, subject: readonly string[], depth: number, visit: (entry: T) => void): void {
  if (depth === subject.length) {
    if (node.entries) for (const entry of node.entries) visit(entry)
    return
  }
  if (node.rest?.entries) for (const entry of node.rest.entries) visit(entry)
  if (node.star !== undefined) walk(node.star, subject, depth + 1, visit)
  const child = node.children?.get(subject[depth]!)
  if (child !== undefined) walk(child, subject, depth + 1, visit)
}

function namesNext<T>(node: Node<T>, prefix: readonly string[], depth: number): boolean {
  if (depth === prefix.length) return node.children !== undefined
  const child = node.children?.get(prefix[depth]!)
  return (node.star !== undefined && namesNext(node.star, prefix, depth + 1)) || (child !== undefined && namesNext(child, prefix, depth + 1))
}

function step<T>(node: Node<T>, token: string): Node<T> | undefined {
  return token === '*' ? node.star : token === '>' ? node.rest : node.children?.get(token)
}

function grow<T>(node: Node<T>, token: string): Node<T> {
  if (token === '*') return (node.star ??= new Node())
  if (token === '>') return (node.rest ??= new Node())
  node.children ??= new Map()
  let child = node.children.get(token)
  if (child === undefined) node.children.set(token, (child = new Node()))
  return child
}

function prune<T>(node: Node<T>, token: string): void {
  if (token === '*') node.star = undefined
  else if (token === '>') node.rest = undefined
  else {
    node.children!.delete(token)
    if (node.children!.size === 0) node.children = undefined
  }
}
