// How long a fuzz test goes on: a second in `npm test`, which others pay for too, and longer in `npm run torture`.

import fc, { type IRawProperty } from 'fast-check'

type Run<T> = IRawProperty<T>['run']
type Plugin = <T>() => { readonly decorateRun: (run: Run<T>) => Run<T> }

/** As fast-check's options: so many runs, or as many as there is time for, and one of them in any case. */
export function fuzzing(numRuns: number): { numRuns: number; plugins: Plugin[] } {
  const rounds = Number(process.env['CALLBOARD_TORTURE_ROUNDS'] ?? 1)
  return { numRuns: numRuns * rounds, plugins: [endsAfter(1000 * rounds)] }
}

// Not `interruptAfterTimeLimit`: that fails a test which could not begin its first run in time.
function endsAfter(limitMs: number): Plugin {
  return () => {
    const endMs = performance.now() + limitMs
    let runs = 0
    return { decorateRun: run => value => (runs++ > 0 && performance.now() > endMs ? new fc.PreconditionFailure(true) : run(value)) }
  }
}
