// Checks how far agents can be confined here.

import type { SandboxReport } from '../../broker/ground/sandbox.ts'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'

export async function* checkSandbox(context: Context): AsyncGenerator<Finding> {
  if (process.platform !== 'linux') {
    yield { check: 'sandbox', state: 'warn', text: `agents cannot be confined on ${process.platform}`, remedy: 'leave out agents[].sandbox, or run the broker on Linux' }
    return
  }
  const { sandboxSupport } = await import('../../agents/sandbox/support.ts')
  try {
    yield sandboxFinding(await sandboxSupport(context.paths.home))
  } catch (error) {
    yield { check: 'sandbox', state: 'warn', text: `agents cannot be confined: ${error instanceof Error ? error.message : String(error)}`, remedy: 'see docs/sandbox.md for what each level needs' }
  }
}

/** Judges what an agent got that asked for everything. */
export function sandboxFinding({ achieved, parts, missing }: SandboxReport): Finding {
  const by = [...new Set([parts.files, parts.systemCalls, parts.namespaces].filter(part => part !== undefined))].join(', ')
  const text = `agents can be ${achieved === 'limits' ? 'limited' : achieved}${by === '' ? '' : ` (${by})`}`
  if (missing.length === 0) return { check: 'sandbox', state: 'ok', text }
  // Whoever asks for none of this is not worse off.
  return { check: 'sandbox', state: 'warn', text: `${text}; not to be had: ${missing.join('; ')}`, remedy: 'see docs/sandbox.md for what each level needs' }
}
