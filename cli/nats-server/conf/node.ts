// What a configuration in nats-server's format holds: values with the place where each of them stands.

/** Where a value, or its key, begins. Line and column from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

interface Located {
  /** Of the key for a value of a map, of the value itself in an array. */
  readonly at: Place
  /** A variable refers to it: a key that is no setting may stand there for that reason. */
  isReferred: boolean
}

export type ConfNode = Located &
  (
    | { readonly kind: 'string'; readonly value: string }
    | { readonly kind: 'integer' | 'float'; readonly value: number }
    | { readonly kind: 'boolean'; readonly value: boolean }
    | { readonly kind: 'time'; readonly value: Date }
    | { readonly kind: 'array'; readonly value: readonly ConfNode[] }
    | { readonly kind: 'map'; readonly value: ConfMap }
  )

/** Keys as they were written, in the order of their first mention; of a key that is written twice the later value holds. */
export type ConfMap = ReadonlyMap<string, ConfNode>

/** A value before its place is known. */
export type ConfValue = ConfNode extends infer Node ? (Node extends ConfNode ? Pick<Node, 'kind' | 'value'> : never) : never

export function located(value: ConfValue, at: Place): ConfNode {
  return { ...value, at, isReferred: false }
}
