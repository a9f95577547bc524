// The listeners of the gRPC server: a TCP port and a Unix socket, whose sockets are counted before anything is read.

import { createServer, type Socket } from 'node:net'
import { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
import type { Listener, Log } from '../broker/ground/types.ts'
import type { Doorkeeper } from '../transports/doorkeeper.ts'
import { isLoopback, plainAddress, tcpPeer, withPort } from '../transports/tcp/address.ts'
import { bindTcp, unbind } from '../transports/tcp/bind.ts'
import type { ListeningSockets } from '../transports/listening-sockets.ts'
import { bindUnix, descriptorOf, unbindUnix, type PeerLookup } from '../transports/unix/bind.ts'
import type { GrpcServer } from './server.ts'

interface SocketOptions {
  readonly server: GrpcServer
  readonly log: Log
  /** What a process before this one may listen on already. */
  readonly sockets?: ListeningSockets | undefined
}

export interface GrpcTcpOptions extends SocketOptions {
  readonly host: string
  /** 0 = any that is free */
  readonly port: number
  /** Prepares an accepted socket, such as its keep-alive. */
  readonly prepare: (socket: Socket) => void
  /** Counts a socket in. `isLocal`: it comes from this machine. @throws BrokerError when there is no room for it */
  readonly enter: (address: string, isLocal: boolean) => Doorkeeper
  /** Told of who was turned away. */
  readonly onRefused: (address: string, code: ErrorCode) => void
}

export interface GrpcUnixOptions extends SocketOptions {
  /** Absolute path. */
  readonly path: string
  readonly peerOf: PeerLookup
  readonly enter: () => Doorkeeper
  readonly onRefused: (address: string, code: ErrorCode) => void
}

/** @throws BrokerError `listener.failed` */
export async function listenGrpcTcp({ server, log, sockets, host, port, prepare, enter, onRefused }: GrpcTcpOptions): Promise<Listener> {
  const entrance = server.entrance()
  const tcp = createServer({ noDelay: true }, (socket) => {
    // Whoever broke off already is nobody.
    if (socket.remoteAddress === undefined) return void socket.destroy()
    const address = plainAddress(socket.remoteAddress)
    const peer = tcpPeer(socket, address)
    const doorkeeper = letIn(() => enter(address, peer.network === 'local'), (code) => onRefused(address, code))
    if (doorkeeper === undefined) return void socket.destroy()
    prepare(socket)
    entrance.enter(socket, { peer, doorkeeper })
  })
  const opened = await bindTcp(tcp, host, port, 'grpc', sockets)
  tcp.on('error', (error) => log.error({ err: error }, 'the gRPC port failed'))
  if (!isLoopback(host)) log.warn({ host }, 'the gRPC port listens beyond this machine, and without TLS: who is on the way can read along')
  return {
    address: `http://${withPort(host, opened)}`,
    close() {
      entrance.drain()
      return unbind(tcp)
    },
  }
}

/** Mode 0600, in a directory of mode 0700. @throws BrokerError `listener.failed` */
export async function listenGrpcUnix({ server, log, sockets, path, peerOf, enter, onRefused }: GrpcUnixOptions): Promise<Listener> {
  const entrance = server.entrance()
  const unix = createServer({ noDelay: false }, (socket) => {
    const doorkeeper = letIn(enter, (code) => onRefused('unix', code))
    if (doorkeeper === undefined) return void socket.destroy()
    const peer = peerOf(descriptorOf(socket))
    entrance.enter(socket, { peer: { address: 'unix', pid: peer?.pid, uid: peer?.uid }, doorkeeper })
  })
  await bindUnix(unix, path, 'grpc.socket', log, sockets)
  unix.on('error', (error) => log.error({ err: error, path }, 'the gRPC socket failed'))
  return {
    address: path,
    close() {
      entrance.drain()
      return unbindUnix(unix, path)
    },
  }
}

// Those over a limit are cut off: nothing can be told by gRPC before a client has spoken.
function letIn(enter: () => Doorkeeper, onRefused: (code: ErrorCode) => void): Doorkeeper | undefined {
  try {
    return enter()
  } catch (error) {
    onRefused(BrokerError.from(error).code)
    return undefined
  }
}
