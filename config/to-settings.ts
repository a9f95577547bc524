// Turns a checked configuration into the broker's settings: names with units, absolute paths.

import type { AgentSettings, IpcSettings, PrincipalSettings, Settings } from '../broker/ground/settings.ts'
import { resolveCommand, resolvePath } from './paths.ts'
import type { ConfigFile } from './schema.ts'

type Item<B extends 'agents' | 'principals'> = NonNullable<ConfigFile[B]>[number]

/** The settings that `file` stands for; relative paths start at `directory`, which is absolute. */
export function toSettings(file: ConfigFile, directory: string): Settings {
  return {
    ipc: ipcSettings(file.ipc, directory),
    agents: (file.agents ?? []).map(agent => agentSettings(agent, directory)),
    channels: file.channels ?? [],
    principals: (file.principals ?? []).map(principal => principalSettings(principal, directory)),
    recorder: file.recorder,
    log: file.log,
  }
}

function ipcSettings(ipc: ConfigFile['ipc'], directory: string): IpcSettings {
  const socket = ipc.socket ?? ipc.server.socket
  return {
    enabled: ipc.enabled,
    socket: socket === undefined ? undefined : resolvePath(socket, directory),
    timeoutMs: ipc.timeout,
    maxConnections: ipc.server.maxConnections,
    performance: { bufferBytes: ipc.performance.bufferSize, maxMessageBytes: ipc.performance.maxMessageSize, keepAlive: ipc.performance.keepAlive },
    security: {
      requireAuth: ipc.security.requireAuth,
      allowedProcesses: ipc.security.allowedProcesses?.map(process => (process.includes('/') ? resolvePath(process, directory) : process)),
      processes: Object.fromEntries(
        Object.entries(ipc.security.processes ?? {}).map(([name, { executable, script }]) => [
          name,
          { executable: resolvePath(executable, directory), ...(script !== undefined && { script: resolvePath(script, directory) }) },
        ]),
      ),
      validateSignature: ipc.security.validateSignature,
    },
    retry: { enabled: ipc.retry.enabled, maxRetries: ipc.retry.maxRetries, retryDelayMs: ipc.retry.retryDelay, backoffMultiplier: ipc.retry.backoffMultiplier },
    limits: {
      handshakeMs: ipc.limits.handshakeTimeout,
      heartbeatMs: ipc.limits.heartbeat,
      maxPendingBytes: ipc.limits.maxPendingBytes,
      stallMs: ipc.limits.stallTimeout,
      maxSubscriptions: ipc.limits.maxSubscriptions,
      maxOpenRequests: ipc.limits.maxOpenRequests,
    },
  }
}

function agentSettings(agent: Item<'agents'>, directory: string): AgentSettings {
  const { initial, max, multiplier, jitter } = agent.backoff
  return {
    name: agent.name,
    command: resolveCommand(agent.command),
    args: agent.args,
    env: agent.env,
    cwd: agent.cwd === undefined ? undefined : resolvePath(agent.cwd, directory),
    restart: agent.restart,
    backoff: { initialMs: initial, maxMs: max, multiplier, jitter },
    shutdownMs: agent.shutdown,
  }
}

function principalSettings(principal: Item<'principals'>, directory: string): PrincipalSettings {
  return {
    name: principal.name,
    roles: principal.roles,
    token: principal.token,
    tokenFile: principal.tokenFile === undefined ? undefined : resolvePath(principal.tokenFile, directory),
    publish: principal.publish,
    subscribe: principal.subscribe,
  }
}
