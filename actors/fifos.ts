// Opens the configured pairs of FIFOs, and gives each the credential by which its programs are let in.

import { randomBytes } from 'node:crypto'
import type { Core } from '../broker/core.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { FifoSettings } from '../broker/ground/fifo-settings.ts'
import type { Link, Listener } from '../broker/ground/types.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { openFifoPair } from '../transports/fifo/fifo-pair.ts'

/** By name of the listener, `fifo-<name>`, what opens it. */
export function fifoOpeners(core: Core, directory: string, sockets: ListeningSockets): Record<string, (onLink: (link: Link) => void) => Promise<Listener>> {
  return Object.fromEntries(core.settings.fifos.map((fifo) => [`fifo-${fifo.name}`, (onLink) => open(core, fifo, directory, sockets, onLink)]))
}

async function open(core: Core, { name, publish, subscribe, overflow, maxPendingBytes }: FifoSettings, directory: string, sockets: ListeningSockets, onLink: (link: Link) => void): Promise<Listener> {
  const { security } = core.settings.ipc
  const hindrance = security.validateSignature ? 'ipc.security.validateSignature' : security.allowedProcesses === undefined ? undefined : 'ipc.security.allowedProcesses'
  if (hindrance !== undefined) throw new BrokerError('fifo.failed', { name, problem: `with ${hindrance} nobody could use it: it is not known who writes to a file` })
  const token = randomBytes(32).toString('base64url')
  const principal = `fifo:${name}`
  core.addPrincipal({ name: principal, roles: ['client'], publish, subscribe }, { token })
  const payload = { token, principal, client: `fifo-${name}`, program: `fifo-${name}`, flow: { overflow, maxPendingBytes } }
  const hello = Buffer.from(`${JSON.stringify({ type: 'hello', payload })}\n`)
  return openFifoPair({ name, directory, hello, log: core.log, sockets, onLink })
}
