// How long a fuzz test goes on: a second in `npm test`, which others pay for too, and longer in `npm run torture`.

/** As fast-check's options: so many runs, or as many as there is time for. */
export function fuzzing(numRuns: number): { readonly numRuns: number; readonly interruptAfterTimeLimit: number } {
  const rounds = Number(process.env['CALLBOARD_TORTURE_ROUNDS'] ?? 1)
  return { numRuns: numRuns * rounds, interruptAfterTimeLimit: 1000 * rounds }
}
