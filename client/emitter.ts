// Typed events. Knows none of them.

export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<(value: never) => void>>()

  /** Calls `listener` for every such event from now on; the returned function stops that. */
  on<Name extends keyof Events>(name: Name, listener: (value: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
    }
  }

  emit<Name extends keyof Events>(name: Name, value: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as (value: Events[Name]) => void)(value)
      } catch (error) {
        // The listener's fault must be seen, but not by whoever happened to cause the event.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
