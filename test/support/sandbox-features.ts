// Stories of sandboxes run where the kernel has what they need; elsewhere they are left out and say by name what is missing.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import test, { type Implementation } from 'ava'
import { enclosureProblem } from '../../agents/sandbox/enclosure.ts'
import { ABI_WITH_SIGNALS, landlockAbi } from '../../native/linux/landlock.ts'

/** Whom a test that runs as root becomes where the kernel treats root otherwise. */
export const ORDINARY_USER = 65_534

const root = join(import.meta.dirname, '../..')

// Asked before any test is declared: AVA takes none later.
const found = {
  'Landlock that knows signals (Linux 6.12)': process.platform === 'linux' && landlockAbi() >= ABI_WITH_SIGNALS,
  'namespaces by unshare': (await enclosureProblem('unshare')) === undefined,
  'namespaces by bubblewrap': (await enclosureProblem('bubblewrap')) === undefined,
  'a user namespace of an ordinary user, who can read this checkout': ordinary(['unshare', '--user', '--map-current-user', 'test', '-r', join(root, 'package.json')]),
} as const

export type Feature = keyof typeof found

/** Words that run a command as an ordinary user; none when that is who runs the tests. */
export function asOrdinaryUser(): readonly string[] {
  return process.getuid!() === 0 ? ['setpriv', `--reuid=${ORDINARY_USER}`, `--regid=${ORDINARY_USER}`, '--clear-groups'] : []
}

function ordinary(words: readonly string[]): boolean {
  const [command, ...args] = [...asOrdinaryUser(), ...words]
  return spawnSync(command!, args).status === 0
}

/** Declares a test that needs all of these. */
export function sandboxTest(title: string, needs: readonly Feature[], story: Implementation<[]>): void {
  const missing = needs.filter(need => !found[need])
  if (missing.length === 0) test(title, story)
  else test.skip(`${title} (left out: there is no ${missing.join(', no ')})`, story)
}
