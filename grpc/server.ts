// The gRPC server: its services, its limits, and the sockets that it is given. Opens no port.

import type { Socket } from 'node:net'
import { Server, ServerCredentials, type ConnectionInjector } from '@grpc/grpc-js'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation } from 'grpc-health-check'
import { Deadline, type Deadlines } from '../broker/ground/deadlines.ts'
import type { Link } from '../broker/ground/types.ts'
import { Caller, type CallerSocket } from './caller.ts'
import { gatewayService, reflectedPackage } from './definitions.ts'
import type { Names } from './events.ts'
import { Gate, type GateOptions } from './gate.ts'
import { GatewayService } from './gateway-service.ts'

export interface GrpcServerOptions extends Pick<GateOptions, 'isToken'> {
  readonly names: Names
  readonly deadlines: Deadlines
  readonly version: string
  /** Gives a link to the broker. */
  readonly accept: (link: Link) => void
  /** Largest payload. bytes */
  readonly maxMessageBytes: number
  /** Calls at a time on one HTTP/2 connection. */
  readonly maxCalls: number
  /** Answer the questions of the reflection service. */
  readonly hasReflection: boolean
  /** Time for a client to present a credential that is accepted. ms */
  readonly handshakeMs: number
  /** How often a client is pinged. ms, 0: never */
  readonly pingMs: number
}

/** Room for the other fields of a message beside its payload. bytes */
const OVERHEAD_BYTES = 64 * 1024
/** What HTTP/2 may keep for one connection before it refuses new calls. MB */
const SESSION_MEMORY_MB = 64
/** Time that calls under way have when a listener closes. ms */
const DRAIN_MS = 5000
/** Answers of one call together, in messages of the largest size. */
const ANSWERS = 4
const SERVICE = 'callboard.v1.GatewayService'
/** What the health service tells of: the server, and its one service. */
const HEALTH_NAMES = ['', SERVICE]

/** A listener's way in. */
export interface Entrance {
  /** Takes an accepted socket. */
  enter(socket: Socket, details: Omit<CallerSocket, 'destroy'>): void
  /** Tells clients to go elsewhere and lets calls under way end. */
  drain(): void
}

export class GrpcServer {
  readonly #options: GrpcServerOptions
  readonly #server: Server
  readonly #health = new HealthImplementation(Object.fromEntries(HEALTH_NAMES.map((name) => [name, 'NOT_SERVING'])))
  readonly #callers = new Map<string, Caller>()
  #count = 0
  /** Listeners. */
  #open = 0

  constructor(options: GrpcServerOptions) {
    this.#options = options
    const { maxMessageBytes, maxCalls, pingMs, isToken, names, deadlines, version, hasReflection } = options
    const gate = new Gate({ callerOf: (peer) => this.#callers.get(peer), isToken, healthNames: HEALTH_NAMES })
    this.#server = new Server({
      interceptors: [gate.interceptor],
      'grpc.max_receive_message_length': maxMessageBytes + OVERHEAD_BYTES,
      'grpc.max_send_message_length': -1,
      'grpc.max_concurrent_streams': maxCalls,
      'grpc-node.max_session_memory': SESSION_MEMORY_MB,
      'grpc.enable_channelz': 0,
      ...(pingMs === 0 ? {} : { 'grpc.keepalive_time_ms': pingMs, 'grpc.keepalive_timeout_ms': pingMs }),
    })
    this.#server.addService(gatewayService, new GatewayService({ gate, names, deadlines, version, maxAnswerBytes: ANSWERS * maxMessageBytes }).handlers)
    this.#health.addToServer(this.#server)
    if (hasReflection) new ReflectionService(reflectedPackage(), { services: [SERVICE, 'grpc.health.v1.Health'] }).addToServer(this.#server)
  }

  /** A way in for the sockets of one listener. */
  entrance(): Entrance {
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure())
    if (this.#open++ === 0) this.#tellHealth('SERVING')
    return {
      enter: (socket, details) => this.#enter(injector, socket, details),
      drain: () => {
        if (--this.#open === 0) this.#tellHealth('NOT_SERVING')
        injector.drain(DRAIN_MS)
      },
    }
  }

  // It serves while somebody can come.
  #tellHealth(status: 'SERVING' | 'NOT_SERVING'): void {
    for (const name of HEALTH_NAMES) this.#health.setStatus(name, status)
  }

  #enter(injector: ConnectionInjector, socket: Socket, details: Omit<CallerSocket, 'destroy'>): void {
    const { deadlines, handshakeMs, accept } = this.#options
    const key = `grpc-${++this.#count}`
    // All that the library tells a handler of its socket is this address; of a Unix socket it knows none.
    Object.defineProperties(socket, { remoteAddress: { value: key }, remotePort: { value: undefined } })
    const caller = new Caller({ ...details, destroy: () => socket.destroy() }, accept)
    this.#callers.set(key, caller)
    const deadline = new Deadline(() => {
      if (!caller.isAdmitted) socket.destroy()
    })
    deadlines.set(deadline, handshakeMs)
    socket.on('error', () => {})
    socket.once('close', () => {
      deadlines.cancel(deadline)
      this.#callers.delete(key)
      caller.closed()
    })
    injector.injectConnection(socket)
  }
}
