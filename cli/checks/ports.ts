// Checks the ports of the gateway and of NATS: whether each is this broker's, somebody else's, or nobody's.

import { findHolder } from '../../broker/ground/home-lock.ts'
import type { Settings } from '../../broker/ground/settings.ts'
import { ConfigError } from '../../config/error.ts'
import { loadConfigOf } from '../../config/load.ts'
import type { Context } from '../context.ts'
import { portOwner, type PortOwner } from '../port-owner.ts'
import type { Finding } from './finding.ts'

/** Blocks of the configuration that open a port. */
type Block = 'gateway' | 'nats'

interface PortSettings {
  readonly port: number
  readonly host: string
  /** Without it the broker does not start. */
  readonly isPortRequired: boolean
}

export function checkGateway(context: Context, file: string | undefined): AsyncGenerator<Finding> {
  return checkPort('gateway', context, file)
}

export function checkNats(context: Context, file: string | undefined): AsyncGenerator<Finding> {
  return checkPort('nats', context, file)
}

async function* checkPort(block: Block, context: Context, file: string | undefined): AsyncGenerator<Finding> {
  const settings = await settingsOf(block, context, file)
  // A configuration that cannot be read is another check's.
  if (settings === undefined) return
  if (!settings.enabled) {
    yield { check: block, state: 'ok', text: `turned off in the config (${block}.enabled)` }
    return
  }
  if (settings.port === 0) {
    yield { check: block, state: 'ok', text: `at any free port (${block}.port 0): callboard tree shows which` }
    return
  }
  const holder = await findHolder(context.paths)
  yield judgePort(block, settings, await portOwner(settings.port), holder?.pid)
}

/** Judges who has the port; `brokerPid` undefined: no broker runs. */
export function judgePort(block: Block, { port, host, isPortRequired }: PortSettings, owner: PortOwner | undefined, brokerPid: number | undefined): Finding {
  const check = block
  const at = `port ${port}`
  if (owner === undefined) {
    if (brokerPid === undefined) return { check, state: 'ok', text: `${at} is free` }
    return { check, state: 'warn', text: `the broker runs, but nobody listens at ${at}`, remedy: 'callboard logs --level warn says why; then callboard restart' }
  }
  if (brokerPid !== undefined && owner.pid === brokerPid) return { check, state: 'ok', text: `listens at ${host}:${port}` }
  const who = owner.pid === undefined ? 'a process of another user' : `process ${owner.pid}${owner.command === undefined ? '' : ` (${owner.command})`}`
  return { check, state: brokerPid === undefined && isPortRequired ? 'fail' : 'warn', text: `${at} is taken by ${who}`, remedy: `end that process, or choose another port with ${block}.port in the config` }
}

async function settingsOf(block: Block, context: Context, file: string | undefined): Promise<Settings[Block] | undefined> {
  try {
    return (await loadConfigOf({ home: context.paths.home, file })).settings[block]
  } catch (error) {
    if (error instanceof ConfigError) return undefined
    throw error
  }
}
