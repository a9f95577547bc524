// What a launcher tells the broker, as one line of JSON.

import type { SandboxReport } from '../../broker/ground/sandbox.ts'

export type LauncherAnswer =
  /** The agent is about to run. */
  | { readonly report: SandboxReport }
  /** What was asked for cannot be had, and nothing less is wanted. */
  | { readonly missing: readonly string[] }
  /** The program cannot be executed (ENOENT, EACCES), or the launcher broke. */
  | { readonly failed: string }
