// launchd as the supervisor of a broker: where its jobs are, and what launchctl is told.

import { homedir } from 'node:os'
import { join } from 'node:path'
import { launchdPlist } from './launchd-plist.ts'
import { runTool } from './run-tool.ts'
import { SERVICE_NAME, type Scope } from './service-spec.ts'
import type { Supervisor } from './supervisor.ts'

/** launchctl's exit code for a job that is not loaded (ESRCH), and for one that is already (EALREADY, EIO before macOS 13). */
const NOT_LOADED = 3
const LOADED: readonly (number | undefined)[] = [37, 5]

export function launchd(scope: Scope): Supervisor {
  const domain = scope === 'user' ? `gui/${process.getuid?.() ?? 0}` : 'system'
  const file = join(scope === 'user' ? join(homedir(), 'Library/LaunchAgents') : '/Library/LaunchDaemons', `${SERVICE_NAME}.plist`)
  const job = `${domain}/${SERVICE_NAME}`
  return {
    name: 'launchd',
    file,
    text: launchdPlist,
    async problem() {
      const { code, text } = await runTool('launchctl', ['print', domain])
      return code === 0 ? undefined : `launchd does not answer for ${domain}: ${text}`
    },
    // A job that is loaded keeps its old text until it is loaded again.
    install: [['launchctl', 'bootout', job], ['launchctl', 'enable', job], ['launchctl', 'bootstrap', domain, file]],
    beforeRemoval: [['launchctl', 'bootout', job]],
    afterRemoval: [],
    isHarmless: ({ code }) => code === NOT_LOADED || LOADED.includes(code),
    async state() {
      const { code, text } = await runTool('launchctl', ['print', job])
      const pid = Number(/^\s*pid = (\d+)/m.exec(text)?.[1] ?? 0)
      return { isEnabled: code === 0, isRunning: pid > 0, ...(pid > 0 && { pid }), text: code === 0 ? (/^\s*state = (.+)$/m.exec(text)?.[1] ?? 'loaded') : 'not loaded' }
    },
  }
}
