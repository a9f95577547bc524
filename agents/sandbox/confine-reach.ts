// Takes from this process what it could reach outside: files, sockets, signals, system calls. Landlock and seccomp.

import type { SandboxNetwork } from '../../broker/ground/sandbox.ts'
import { ABI_WITH_PORTS, ABI_WITH_SIGNALS, landlockAbi, restrictByLandlock } from '../../native/linux/landlock.ts'
import { installFilter } from '../../native/linux/seccomp.ts'
import { systemCallFilter } from '../../native/linux/system-call-filter.ts'
import { ownTemporary } from './enter-namespaces.ts'
import type { SandboxPlan } from './plan.ts'
import { devices, PROCESSES, readOnlyDevices } from './system-files.ts'

export interface Reach {
  readonly plan: SandboxPlan
  /** Names of the namespaces that differ from the broker's. */
  readonly separate: ReadonlySet<string>
}

const NO_LANDLOCK = 'this kernel has no Landlock, or was started without it; Linux 5.13 and later have it, with "landlock" in the parameter lsm='

/** Files, and with them the ports and signals that Landlock knows. */
export function confineFiles({ plan, separate }: Reach): string {
  const abi = landlockAbi()
  if (abi === 0) throw new Error(NO_LANDLOCK)
  const { network } = plan.settings
  const temporary = separate.has('mnt') ? ownTemporary(plan) : undefined
  const write = [...plan.write, ...(temporary === undefined ? [] : [temporary])]
  restrictByLandlock({
    files: [
      ...[...plan.read, PROCESSES, ...readOnlyDevices].map(path => ({ path, access: 'read' as const })),
      ...write.map(path => ({ path, access: 'write' as const })),
      ...devices.map(path => ({ path, access: 'device' as const })),
    ],
    tcp: isList(network) ? { connect: ports(network, 'connect'), listen: ports(network, 'listen') } : undefined,
  }, abi)
  return `Landlock ${abi}`
}

export function confineSignals({ separate }: Reach): string {
  if (separate.has('pid')) return 'own pid namespace'
  const abi = landlockAbi()
  if (abi < ABI_WITH_SIGNALS) throw new Error(abi === 0 ? NO_LANDLOCK : `this kernel's Landlock has version ${abi}, signals need ${ABI_WITH_SIGNALS} (Linux 6.12); level isolated needs no more than namespaces`)
  return `Landlock ${abi}`
}

export function confineNetwork({ plan, separate }: Reach): string {
  const { network } = plan.settings
  if (network === 'all') return 'not confined'
  if (network === 'none') return separate.has('net') ? 'no sockets of the internet, own network namespace' : 'no sockets of the internet'
  if (network === 'loopback') {
    if (!separate.has('net')) throw new Error('loopback needs a network namespace of its own, which level isolated gives; or list ports')
    return 'own network namespace'
  }
  const abi = landlockAbi()
  if (abi < ABI_WITH_PORTS) throw new Error(abi === 0 ? NO_LANDLOCK : `this kernel's Landlock has version ${abi}, ports need ${ABI_WITH_PORTS} (Linux 6.7)`)
  return `${network.join(' ')} by Landlock ${abi}`
}

export function confineSystemCalls({ plan, separate }: Reach): string {
  const { arch } = process
  if (arch !== 'x64' && arch !== 'arm64') throw new Error(`the filter is made for x64 and arm64, this is ${arch}`)
  const { network, memoryBytes } = plan.settings
  // In a root of its own, what it may not write is mounted so; elsewhere any file of its user could be given away by its mode.
  installFilter(systemCallFilter({ processor: arch, internet: internetOf(network), mayListen: mayListen(network), isMemoryCounted: memoryBytes !== undefined && plan.cgroup?.parts.memory === undefined, isAmongOthers: !separate.has('mnt') || !separate.has('ipc') }))
  return 'seccomp'
}

function internetOf(network: SandboxNetwork): 'none' | 'tcp' | 'tcp and udp' | 'all' {
  if (network === 'none') return 'none'
  if (!isList(network)) return 'all'
  return network.includes('udp') ? 'tcp and udp' : 'tcp'
}

// Without sockets of the internet it may: those of Unix are its own affair.
function mayListen(network: SandboxNetwork): boolean {
  return !isList(network) || ports(network, 'listen').length > 0
}

function isList(network: SandboxNetwork): network is readonly string[] {
  return typeof network !== 'string'
}

function ports(grants: readonly string[], verb: 'connect' | 'listen'): number[] {
  return grants.filter(grant => grant.startsWith(`${verb}:`)).map(grant => Number(grant.slice(verb.length + 1)))
}
