// How an accepted TCP socket is prepared, whatever is spoken on it.

import type { Socket } from 'node:net'
import type { NetworkSettings } from '../broker/ground/settings.ts'
import { openTcpKeepAlive } from '../native/tcp-keep-alive.ts'

export function tcpPreparation({ tcp }: NetworkSettings): (socket: Socket) => void {
  return tcp.keepAlive ? openTcpKeepAlive({ intervalMs: tcp.keepAliveIntervalMs, probes: tcp.keepAliveProbes }) : () => {}
}
