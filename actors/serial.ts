// Runs pieces of asynchronous work one after the other, in the order they came. Knows nothing of the work.

export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Begins `work` when all before it has settled. What it throws rejects its own result and stops nobody. */
  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work)
    this.#last = result.catch(() => {})
    return result
  }
}
