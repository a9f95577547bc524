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
  const text = `agents can be ${achieved === 'limits' ? 'limited' : achieved}${by === '' ? '' : ` (${by})`}${limitsText(parts)}`
  if (missing.length === 0) return { check: 'sandbox', state: 'ok', text }
  // Whoever asks for none of this is not worse off.
  return { check: 'sandbox', state: 'warn', text: `${text}; not to be had: ${missing.join('; ')}`, remedy: 'see docs/sandbox.md for what each level needs' }
}

/** Which limits control groups hold, and which each process has by itself. */
function limitsText(parts: SandboxReport['parts']): string {
  const held = (['memory', 'processes', 'cpu'] as const).filter(part => parts[part] !== undefined)
  const groups = held.filter(part => /by control groups/.test(parts[part]!))
  const version = /by control groups (\d)/.exec(groups.map(part => parts[part]).join(' '))?.[1]
  const alone = held.filter(part => !groups.includes(part))
  return [...(groups.length > 0 ? [`${groups.join(', ')} by control groups ${version}`] : []), ...(alone.length > 0 ? [`${alone.join(', ')} process by process`] : [])].map(words => `; ${words}`).join('')
}
