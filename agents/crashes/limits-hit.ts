// Which limits of its sandbox an agent met, told from how it ended and what it printed last. Asks nobody.

import type { AgentLogLine } from '../../broker/ground/agent-line.ts'
import type { LimitHit } from '../../broker/ground/crash.ts'
import type { SandboxPart, SandboxSettings } from '../../broker/ground/sandbox.ts'

/** The kernel sends these for one reason only. */
const bySignal: Readonly<Record<string, SandboxPart>> = { SIGXCPU: 'cpuTime', SIGXFSZ: 'fileSize', SIGSYS: 'systemCalls' }

/** What programs print when the kernel refused them something: libc's words, and those of Node, Python, Go and C++. */
const byWords: readonly (readonly [SandboxPart, keyof SandboxSettings, RegExp])[] = [
  ['memory', 'memoryBytes', /\bheap out of memory\b|\bstd::bad_alloc\b|\bMemoryError\b|\bcannot allocate memory\b|\bENOMEM\b|\bout of memory\b/i],
  ['processes', 'processes', /\bresource temporarily unavailable\b|\bEAGAIN\b|\bcan't start new thread\b|\bpthread_create\b/i],
  ['openFiles', 'openFiles', /\btoo many open files\b|\bEMFILE\b/i],
  ['fileSize', 'fileBytes', /\bfile too large\b|\bEFBIG\b/i],
]

const LONGEST_EVIDENCE = 160

/**
 * At most one for each limit. Words count only for limits that the agent has; a program that prints them for another reason is
 * why they are told as evidence.
 * @param signal by which it ended, of the program itself
 */
export function limitsHit(signal: string | undefined, sandbox: SandboxSettings | undefined, lines: readonly AgentLogLine[]): LimitHit[] {
  if (sandbox === undefined || sandbox.level === 'none') return []
  const hits = new Map<SandboxPart, LimitHit>()
  const limit = signal !== undefined && Object.hasOwn(bySignal, signal) ? bySignal[signal] : undefined
  if (limit !== undefined) hits.set(limit, { limit, evidence: signal! })
  for (const { text } of lines.toReversed()) {
    for (const [part, setting, words] of byWords) {
      if (sandbox[setting] === undefined || hits.has(part) || !words.test(text)) continue
      hits.set(part, { limit: part, evidence: `it printed: ${text.slice(0, LONGEST_EVIDENCE)}` })
    }
  }
  return [...hits.values()]
}
