// A failure as the command tells it: what happened, what to do next, and the exit code.

/** The meaning of exit codes, for every command. 130 = 128 + SIGINT, as shells have it. */
export const Exit = { ok: 0, failed: 1, usage: 2, held: 3, interrupted: 130 } as const

interface FailureInit {
  /** `usage`, or a code of broker/ground/errors.ts. */
  readonly code: string
  readonly message: string
  /** What to do next. */
  readonly hint?: string | undefined
  readonly exitCode?: number
  readonly details?: object
}

export class Failure extends Error {
  readonly code: string
  readonly hint: string | undefined
  readonly exitCode: number
  readonly details: object | undefined

  constructor(init: FailureInit, options?: { cause?: unknown }) {
    super(init.message, options)
    this.name = 'Failure'
    this.code = init.code
    this.hint = init.hint
    this.exitCode = init.exitCode ?? Exit.failed
    this.details = init.details
  }

  /** The command line was wrong; exit code 2. */
  static usage(message: string, hint?: string): Failure {
    return new Failure({ code: 'usage', message, hint, exitCode: Exit.usage })
  }
}
