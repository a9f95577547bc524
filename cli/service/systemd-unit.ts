// The text of the systemd unit of a broker. Pure: writes nothing, asks nobody.

import { choiceMark, type ServiceSpec } from './service-spec.ts'

/**
 * A unit by systemd.service(5). Nothing secret is in it: anybody on the machine can read it.
 *
 * Hardening leaves agents what their sandboxes need: namespaces, Landlock, their own /proc (so nothing that covers parts of /proc, such as
 * ProtectKernelTunables), cgroups (Delegate), and V8 its executable memory. A user's manager may not make mounts, so ProtectSystem is for the
 * scope `system` alone.
 */
export function systemdUnit(spec: ServiceSpec): string {
  const { scope, home, account, command, path } = spec
  return `# ${choiceMark(spec)}
# Changes belong in a drop-in: systemctl ${scope === 'user' ? '--user ' : ''}edit callboard-gateway

[Unit]
Description=Callboard message broker
After=network.target
StartLimitIntervalSec=60
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
ExecStart=:${command.map(quoted).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
${account === undefined ? '' : `User=${specifiers(account)}\n`}WorkingDirectory=-${specifiers(home)}
Environment=${quoted(`PATH=${path}`)}
UMask=0077
# Exit code 2 is a wrong configuration, 3 a home that another broker has: the next start would end the same way.
Restart=on-failure
RestartPreventExitStatus=2 3
RestartSec=100ms
# A store that was not closed in order is read through first.
TimeoutStartSec=5min
# The broker ends its agents itself; what is left after it is killed.
KillMode=mixed
TimeoutStopSec=60s
WatchdogSec=30s
WatchdogSignal=SIGKILL
LimitNOFILE=65536
Delegate=yes
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
${scope === 'system' ? 'ProtectSystem=full\nProtectKernelModules=yes\n' : ''}
[Install]
WantedBy=${scope === 'user' ? 'default.target' : 'multi-user.target'}
`
}

/** A text in which systemd would read specifiers such as `%h`. */
function specifiers(text: string): string {
  return text.replaceAll('%', '%%')
}

/** One word of a command line or an assignment (systemd.syntax(7), "Quoting"); `$` means nothing behind `ExecStart=:`. */
function quoted(word: string): string {
  const escaped = specifiers(word.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`))
  return /^[\w@%+=:,./-]+$/.test(word) ? escaped : `"${escaped}"`
}
