// A probe that opens a TCP connection and closes it again. The kernel takes connections for a process that hangs, too, until its queue is full.

import { connect } from 'node:net'
import type { Attempt } from './probe.ts'

export function tcpAttempt(host: string, port: number): Attempt {
  return (signal) =>
    new Promise((resolve) => {
      const socket = connect({ host, port })
      const end = (problem: string | undefined): void => {
        signal.removeEventListener('abort', abort)
        socket.destroy()
        resolve(problem)
      }
      const abort = (): void => end('given up')
      signal.addEventListener('abort', abort, { once: true })
      socket.once('connect', () => end(undefined))
      // Stays for errors that come after the end.
      socket.on('error', (error: NodeJS.ErrnoException) => end(`${host}:${port} takes no connection: ${error.code ?? error.message}`))
    })
}
