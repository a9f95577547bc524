// Which connections are of an agent's instance: those that say so, and those that come with its credential where their protocol has no word for it.

import type { Connection } from './connection.ts'

/** Before the instance id in the name of the principal that an instance comes as. */
const PRINCIPAL_PREFIX = 'agent:'

/** `agent`: what the connection says that it is; `principal`: as whom it came. */
export function belong(connection: Connection, agent: string | undefined, principal: string): void {
  const own = principal.startsWith(PRINCIPAL_PREFIX) ? principal.slice(PRINCIPAL_PREFIX.length) : undefined
  connection.agent = agent
  connection.instance = agent ?? own
  connection.isInstanceLink = agent !== undefined || (own !== undefined && !canSay(connection))
}

/** The one of these connections by which an instance is reached: `named`, which has its name, then one of this process of the broker that is there. undefined: it has none. */
export function instanceLink(connections: Iterable<Connection>, named: Connection | undefined): Connection | undefined {
  if (named !== undefined) return named
  let found: Connection | undefined
  for (const connection of connections) {
    if (!connection.isInstanceLink || connection.isFormer) continue
    if (connection.isReady) return connection
    found ??= connection
  }
  return found
}

// Who speaks the native protocol and does not say that it is the agent is a further connection of its program. Behind gRPC
// that protocol is spoken for the program, by somebody who does not know what it is.
function canSay({ dialect, link }: Connection): boolean {
  return dialect?.name === 'native' && link.transport !== 'grpc'
}
