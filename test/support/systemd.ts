// A systemd of its own for one test: a user's manager in a mount namespace, in which the machine looks booted by systemd. Needs root.

import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ChildEnd } from './child-end.ts'
import { ownCgroup } from './own-cgroup.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

const MANAGER = '/lib/systemd/systemd'
// systemctl believes a machine to run systemd when this directory is there (sd_booted(3)).
const BOOTED = 'mount -t tmpfs tmpfs /run/systemd && mkdir /run/systemd/system'

/** Why there can be none here; undefined: there can. */
export const noSystemd: string | undefined =
  process.getuid?.() !== 0 ? 'it needs root' : spawnSync('unshare', ['--mount', 'sh', '-c', `mkdir -p /run/systemd && ${BOOTED} && ${MANAGER} --version`]).status === 0 ? undefined : 'there is no systemd, or no namespace for it'

export interface Systemd {
  /** A program that runs what follows where systemctl finds this manager; takes `env`. */
  readonly through: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** Resolves when it takes orders; ended, with what it runs, when the test ends. */
export async function startSystemd(t: Teardown): Promise<Systemd> {
  const user = temporaryDirectory(t)
  const runtime = join(user, 'run')
  mkdirSync(runtime, { mode: 0o700 })
  const env = { HOME: user, XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: join(user, 'config'), DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nowhere' }
  // It takes the group that it begins in for the root of all, and moves everybody there into one of its making.
  const joining = 'for group in "$@"; do echo $$ > "$group/cgroup.procs" || echo "not in $group" >&2; done'
  const begin = `mkdir -p /run/systemd && ${BOOTED} && exec ${MANAGER} --user --log-target=console`
  const manager = spawn('sh', ['-c', `${joining}; exec unshare --mount sh -c '${begin}'`, 'sh', ...ownCgroup(t)], { env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'] })
  const end = new ChildEnd(manager)
  t.teardown(async () => {
    // It ends its units first.
    manager.kill('SIGTERM')
    await end.ended
  })
  const through = ['nsenter', '--mount', '--target', String(manager.pid)]
  const isReady = (): boolean => /^(?:running|degraded)$/.test(String(spawnSync('nsenter', [...through.slice(1), 'systemctl', '--user', 'is-system-running'], { env: { ...process.env, ...env } }).stdout).trim())
  await until(isReady, () => end.complaints)
  return { through, env }
}
