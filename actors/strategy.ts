// Which siblings share the fate of a child that failed. Pure.

export type Strategy = 'oneForOne' | 'oneForAll' | 'restForOne'

/**
 * The children to stop and start anew when `failed` is restarted, itself included, in start order.
 * oneForOne: it alone. oneForAll: everybody. restForOne: it and those started after it, which may depend on it.
 */
export function affected<Child>(strategy: Strategy, inStartOrder: Iterable<Child>, failed: Child): Child[] {
  if (strategy === 'oneForOne') return [failed]
  const all = [...inStartOrder]
  return strategy === 'oneForAll' ? all : all.slice(all.indexOf(failed))
}
