// What may happen to messages for a receiver that does not keep up.

/**
 * `block`: publishers wait as long as it takes. `drop-oldest`: what waits longest makes room. `drop-newest`: what comes
 * is dropped until there is room. `disconnect`: the receiver is ended.
 */
export type Overflow = 'block' | 'drop-oldest' | 'drop-newest' | 'disconnect'
export const overflows = ['block', 'drop-oldest', 'drop-newest', 'disconnect'] as const satisfies readonly Overflow[]
