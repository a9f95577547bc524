// One step of confining a process, and what becomes of it.

import type { SandboxLevel, SandboxPart } from '../../broker/ground/sandbox.ts'

/**
 * Runs `apply` when the level is `from` or above. It answers what holds the part, or throws an error whose message says what is
 * missing.
 */
export type Step = (part: SandboxPart, from: SandboxLevel, apply: () => string) => void
