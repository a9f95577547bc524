// The programs of this package by the names that `ipc.security.allowedProcesses` has for them.

import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'
import type { ProcessSettings } from '../ground/settings.ts'

/**
 * `callboard-cli` (the command, run by the same Node as this broker) and `callboard-gateway` (what this process runs), each
 * also by its `openclaw-` name, for configurations that come from there.
 * @param brokerScript the script this process was started with
 */
export function ownPrograms(brokerScript: string | undefined = process.argv[1]): Record<string, readonly ProcessSettings[]> {
  const executable = process.execPath
  const root = dirname(findPackageJSON('..', import.meta.url)!)
  // The launcher, and the main file that it imports: from the sources in a checkout, compiled in a package.
  const command = ['bin/callboard.mjs', 'cli/main.ts', 'dist/cli/main.js'].map(script => ({ executable, script: join(root, script) }))
  const gateway = brokerScript === undefined ? [] : [{ executable, script: brokerScript }]
  return { 'callboard-cli': command, 'openclaw-cli': command, 'callboard-gateway': gateway, 'openclaw-gateway': gateway }
}
