// Runs at most so many of a file's tests at a time, where each of them starts a thread or a process of its own.

/** Wraps what a test does: it waits until fewer than `limit` others are under way. */
export function atOnce(limit: number): <Args extends unknown[]>(run: (...args: Args) => Promise<void>) => (...args: Args) => Promise<void> {
  let running = 0
  const waiting: (() => void)[] = []
  return (run) => async (...args) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    running++
    try {
      await run(...args)
    } finally {
      running--
      waiting.shift()?.()
    }
  }
}
