// Which supervisor a command works with: that of this system, or the one that was asked for.

import { BrokerError } from '../../broker/ground/errors.ts'
import { launchd } from './launchd.ts'
import type { Scope } from './service-spec.ts'
import type { Supervisor } from './supervisor.ts'
import { systemd } from './systemd.ts'

/** @throws BrokerError `service.no_supervisor` on a system that has neither of the two */
export function supervisorOf(kind: 'systemd' | 'launchd' | undefined, scope: Scope): Supervisor {
  if (kind === 'systemd' || (kind === undefined && process.platform === 'linux')) return systemd(scope)
  if (kind === 'launchd' || (kind === undefined && process.platform === 'darwin')) return launchd(scope)
  throw new BrokerError('service.no_supervisor', { problem: `on ${process.platform} neither systemd nor launchd is known` })
}
