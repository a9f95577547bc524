// Checks the gateway's port: whether it is this broker's, somebody else's, or nobody's.

import { findHolder } from '../../broker/ground/home-lock.ts'
import { ConfigError } from '../../config/error.ts'
import { loadConfigOf } from '../../config/load.ts'
import type { Context } from '../context.ts'
import { portOwner, type PortOwner } from '../port-owner.ts'
import type { Finding } from './finding.ts'

export async function* checkGateway(context: Context, file: string | undefined): AsyncGenerator<Finding> {
  const gateway = await gatewaySettings(context, file)
  // A configuration that cannot be read is another check's.
  if (gateway === undefined) return
  if (!gateway.enabled) {
    yield { check: 'gateway', state: 'ok', text: 'turned off in the config (gateway.enabled)' }
    return
  }
  if (gateway.port === 0) {
    yield { check: 'gateway', state: 'ok', text: 'at any free port (gateway.port 0): callboard tree shows which' }
    return
  }
  const holder = await findHolder(context.paths)
  yield judgePort(gateway.port, gateway.host, await portOwner(gateway.port), holder?.pid)
}

/** Judges who has the port; `brokerPid` undefined: no broker runs. */
export function judgePort(port: number, host: string, owner: PortOwner | undefined, brokerPid: number | undefined): Finding {
  const check = 'gateway'
  const at = `port ${port}`
  if (owner === undefined) {
    if (brokerPid === undefined) return { check, state: 'ok', text: `${at} is free` }
    return { check, state: 'warn', text: `the broker runs, but nobody listens at ${at}`, remedy: 'callboard logs --level warn says why; then callboard restart' }
  }
  if (brokerPid !== undefined && owner.pid === brokerPid) return { check, state: 'ok', text: `listens at ${host}:${port}` }
  const who = owner.pid === undefined ? 'a process of another user' : `process ${owner.pid}${owner.command === undefined ? '' : ` (${owner.command})`}`
  return { check, state: brokerPid === undefined ? 'fail' : 'warn', text: `${at} is taken by ${who}`, remedy: 'end that process, or choose another port with gateway.port in the config' }
}

async function gatewaySettings(context: Context, file: string | undefined): Promise<{ readonly enabled: boolean; readonly host: string; readonly port: number } | undefined> {
  try {
    return (await loadConfigOf({ home: context.paths.home, file })).settings.gateway
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}
