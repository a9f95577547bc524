// In which order things come that depend on each other by name. Pure.

/** Something with a name, and the names of what must be there before it. */
export interface Dependent {
  readonly name: string
  readonly dependsOn: readonly string[]
}

/**
 * All of them, each behind what it depends on, otherwise in the order given; names that nothing has are passed over. Where some depend on themselves by
 * way of each other, the names along one such way instead, the first again at the end: `a, b, a`.
 */
export function dependencyOrder<T extends Dependent>(all: readonly T[]): { readonly order: readonly T[] } | { readonly cycle: readonly string[] } {
  const byName = new Map(all.map((each) => [each.name, each]))
  const order = new Set<T>()
  /** Names on the way to the one that is looked at, and how many of what each depends on were looked at. */
  const way: { readonly item: T; next: number }[] = []
  const onWay = new Set<string>()
  // With a stack of its own: a chain may be as long as there are agents.
  for (const first of all) {
    if (!order.has(first)) enter(first)
    while (way.length > 0) {
      const top = way.at(-1)!
      const name = top.item.dependsOn[top.next++]
      if (name === undefined) {
        order.add(top.item)
        onWay.delete(top.item.name)
        way.pop()
        continue
      }
      if (onWay.has(name)) return { cycle: [...way.map(({ item }) => item.name).slice(way.findIndex(({ item }) => item.name === name)), name] }
      const item = byName.get(name)
      if (item !== undefined && !order.has(item)) enter(item)
    }
  }
  return { order: [...order] }

  function enter(item: T): void {
    way.push({ item, next: 0 })
    onWay.add(item.name)
  }
}
