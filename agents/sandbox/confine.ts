// Confines this process as a plan says, in the order that leaves each step the rights it needs, and notes what could not be had.

import { readlinkSync } from 'node:fs'
import { sandboxLevels, type SandboxLevel, type SandboxPart, type SandboxReport } from '../../broker/ground/sandbox.ts'
import { dropCapabilities, heldCapabilities, setNoNewPrivileges } from '../../native/linux/privileges.ts'
import { confineFiles, confineNetwork, confineSignals, confineSystemCalls, type Reach } from './confine-reach.ts'
import { enterNamespaces } from './enter-namespaces.ts'
import { setLimits } from './set-limits.ts'
import type { SandboxPlan } from './plan.ts'
import type { Step } from './step.ts'

/**
 * Whatever is asked and can be had holds afterwards, also when something else is missing.
 * @returns the report, and what is missing, each as `part: reason`
 */
export function confine(plan: SandboxPlan): { readonly report: SandboxReport; readonly missing: readonly string[] } {
  const { settings, launch } = plan
  const parts: Partial<Record<SandboxPart, string>> = {}
  const missing: { readonly from: SandboxLevel; readonly text: string }[] = []
  const step: Step = (part, from, apply) => {
    if (rank(settings.level) < rank(from)) return
    try {
      parts[part] = apply()
    } catch (error) {
      missing.push({ from, text: `${part}: ${error instanceof Error ? error.message : String(error)}` })
    }
  }
  step('namespaces', 'isolated', () => enterNamespaces(plan))
  const separate = new Set(Object.entries(plan.hostNamespaces).filter(([name, host]) => readlinkSync(`/proc/self/ns/${name}`) !== host).map(([name]) => name))
  enter(launch.directory)
  const reach: Reach = { plan, separate }
  if (settings.level !== 'none') setLimits(plan, separate, step)
  step('privileges', 'limits', giveUpPrivileges)
  step('files', 'restricted', () => confineFiles(reach))
  step('signals', 'restricted', () => confineSignals(reach))
  step('network', 'restricted', () => confineNetwork(reach))
  // Last, as it refuses what the steps before do.
  step('systemCalls', 'restricted', () => confineSystemCalls(reach))
  const lowest = Math.min(rank(settings.level) + 1, ...missing.filter(({ from }) => from !== 'limits').map(({ from }) => rank(from)))
  const texts = missing.map(({ text }) => text)
  return { report: { asked: settings.level, achieved: sandboxLevels[lowest - 1]!, parts, missing: texts }, missing: texts }
}

function enter(directory: string): void {
  try {
    process.chdir(directory)
  } catch (error) {
    throw new Error(`its user cannot enter its working directory ${directory} (${(error as NodeJS.ErrnoException).code}); give it a cwd of its own`, { cause: error })
  }
}

function giveUpPrivileges(): string {
  setNoNewPrivileges()
  dropCapabilities()
  const left = heldCapabilities('CapPrm')
  if (left !== 0n) throw new Error(`capabilities are left: ${left.toString(16)}`)
  return 'no new privileges, no capabilities'
}

function rank(level: SandboxLevel): number {
  return sandboxLevels.indexOf(level)
}
