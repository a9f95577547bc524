// Landlock: a process takes from itself, for ever, files, TCP ports and signals that it does not need. Knows no agents.
// linux/landlock.h; docs: Documentation/userspace-api/landlock.rst of the kernel.

import { closeSync, openSync, statSync } from 'node:fs'
import { libc, words64 } from './libc.ts'

const CREATE_RULESET = 444
const ADD_RULE = 445
const RESTRICT_SELF = 446
const CREATE_RULESET_VERSION = 1
const RULE_PATH_BENEATH = 1
const RULE_NET_PORT = 2
// fcntl.h of x64 and arm64: names a file without opening it.
const O_PATH = 0o10_000_000
const O_CLOEXEC = 0o2_000_000

const file = { execute: 1 << 0, write: 1 << 1, read: 1 << 2, truncate: 1 << 14, ioctlDevice: 1 << 15 }
const readDirectory = 1 << 3
/** Remove and make everything but devices; `refer`, to move between directories, is bit 13. */
const changeDirectory = (1 << 4) | (1 << 5) | (1 << 7) | (1 << 8) | (1 << 9) | (1 << 10) | (1 << 12) | (1 << 13)
const allOfFiles = file.execute | file.write | file.read | file.truncate | file.ioctlDevice
const bindTcp = 1
const connectTcp = 2
const scopeAbstractSockets = 1
const scopeSignals = 2

/** What each version of the interface added. */
const FILE_BITS = [0, 13, 14, 15, 15, 16] as const
export const ABI_WITH_PORTS = 4
export const ABI_WITH_SIGNALS = 6

export type FileAccess = 'read' | 'write' | 'device'

export interface LandlockRules {
  readonly files: readonly { readonly path: string; readonly access: FileAccess }[]
  /** undefined: TCP is left alone. */
  readonly tcp: { readonly connect: readonly number[]; readonly listen: readonly number[] } | undefined
}

/** The version of the interface that this kernel has; 0 when it has none or was started without it. */
export function landlockAbi(): number {
  try {
    return libc().call('landlock_create_ruleset', CREATE_RULESET, null, 0, CREATE_RULESET_VERSION)
  } catch {
    return 0
  }
}

/**
 * Confines the calling thread and what it starts, as far as version `abi` reaches: `write` includes reading, but not executing what
 * was written, unless a directory above is given to `read`: rights add up; a path that does not exist gives nothing. Needs no_new_privs. Signals and abstract sockets reach nobody outside
 * from ABI_WITH_SIGNALS on, and tracing nobody outside in every version.
 * @throws Error with the call that the kernel refused
 */
export function restrictByLandlock(rules: LandlockRules, abi: number): void {
  const handledFiles = (1 << FILE_BITS[Math.min(abi, FILE_BITS.length - 1)]!) - 1
  const handledPorts = abi >= ABI_WITH_PORTS && rules.tcp !== undefined ? bindTcp | connectTcp : 0
  const attributes = words64(handledFiles, handledPorts, scopeAbstractSockets | scopeSignals)
  const length = abi >= ABI_WITH_SIGNALS ? 24 : abi >= ABI_WITH_PORTS ? 16 : 8
  const ruleset = libc().call('landlock_create_ruleset', CREATE_RULESET, attributes, length, 0)
  try {
    for (const { path, access } of rules.files) addPath(ruleset, path, access, handledFiles)
    if (handledPorts !== 0) {
      for (const port of rules.tcp!.connect) addPort(ruleset, connectTcp, port)
      for (const port of rules.tcp!.listen) addPort(ruleset, bindTcp, port)
    }
    libc().call('landlock_restrict_self', RESTRICT_SELF, ruleset, 0)
  } finally {
    closeSync(ruleset)
  }
}

function addPath(ruleset: number, path: string, access: FileAccess, handled: number): void {
  const status = statSync(path, { throwIfNoEntry: false })
  if (status === undefined) return
  const beneath = openSync(path, O_PATH | O_CLOEXEC)
  try {
    const wanted = {
      read: file.execute | file.read | readDirectory,
      write: file.read | readDirectory | file.write | file.truncate | changeDirectory,
      device: file.read | file.write,
    }[access]
    const attribute = new DataView(new ArrayBuffer(12))
    attribute.setBigUint64(0, BigInt(wanted & handled & (status.isDirectory() ? ~0 : allOfFiles)), true)
    attribute.setInt32(8, beneath, true)
    libc().call(`landlock_add_rule ${path}`, ADD_RULE, ruleset, RULE_PATH_BENEATH, new Uint8Array(attribute.buffer), 0)
  } finally {
    closeSync(beneath)
  }
}

function addPort(ruleset: number, access: number, port: number): void {
  libc().call(`landlock_add_rule port ${port}`, ADD_RULE, ruleset, RULE_NET_PORT, words64(access, port), 0)
}
