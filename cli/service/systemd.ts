// systemd as the supervisor of a broker: where its units are, and what systemctl is told.

import { homedir } from 'node:os'
import { join } from 'node:path'
import { runTool } from './run-tool.ts'
import { SERVICE_NAME, type Scope } from './service-spec.ts'
import type { Supervisor } from './supervisor.ts'
import { systemdUnit } from './systemd-unit.ts'

const UNIT = `${SERVICE_NAME}.service`
/** What `is-system-running` says of a manager that takes orders. */
const READY: ReadonlySet<string> = new Set(['running', 'degraded', 'starting', 'initializing', 'maintenance'])

export function systemd(scope: Scope): Supervisor {
  const own = scope === 'user' ? ['--user'] : []
  const folder = scope === 'user' ? join(process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config'), 'systemd/user') : '/etc/systemd/system'
  return {
    name: 'systemd',
    file: join(folder, UNIT),
    text: systemdUnit,
    async problem() {
      const { code, text } = await runTool('systemctl', [...own, 'is-system-running'])
      if (code === undefined) return text
      const state = text.split('\n', 1)[0]!
      return READY.has(state) ? undefined : `systemd does not run here: ${text.replaceAll('\n', ', ') || 'systemctl says nothing'}`
    },
    install: [['systemctl', ...own, 'daemon-reload'], ['systemctl', ...own, 'enable', UNIT], ['systemctl', ...own, 'start', UNIT]],
    beforeRemoval: [['systemctl', ...own, 'disable', '--now', UNIT]],
    afterRemoval: [['systemctl', ...own, 'daemon-reload']],
    isHarmless: () => false,
    async state() {
      const [enabled, shown] = await Promise.all([runTool('systemctl', [...own, 'is-enabled', UNIT]), runTool('systemctl', [...own, 'show', '--property=ActiveState,SubState,MainPID,NRestarts,Result', UNIT])])
      const of = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(shown.text)?.[1] ?? ''
      const restarts = Number(of('NRestarts')) > 0 ? `, ${of('NRestarts')} restarts` : ''
      const result = of('Result') === 'success' || of('Result') === '' ? '' : `, ${of('Result')}`
      return { isEnabled: enabled.text === 'enabled', isRunning: of('ActiveState') === 'active', ...(Number(of('MainPID')) > 0 && { pid: Number(of('MainPID')) }), text: shown.code === 0 ? `${of('ActiveState')} (${of('SubState')})${result}${restarts}` : shown.text }
    },
    ...(scope === 'user' && { remark: `it ends when you log out, unless: loginctl enable-linger` }),
  }
}
