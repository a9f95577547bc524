// Lets connections in: limits, handshake, identity, welcome.

import { randomBytes } from 'node:crypto'
import { AllowedReplies } from './allowed-replies.ts'
import type { Connection } from './connection.ts'
import { controlAccount, type Core } from './core.ts'
import type { ControlMessage } from './ground/control.ts'
import { Deadline } from './ground/deadlines.ts'
import { BrokerError } from './ground/errors.ts'
import { Kind } from './ground/kind.ts'
import type { Settings } from './ground/settings.ts'
import { Slice } from './ground/slice.ts'
import type { Link, Peer } from './ground/types.ts'
import { belong } from './instance-link.ts'
import { outboundLimits, type OutboundLimits } from './delivery/marks.ts'
import { PROTOCOL_VERSION, readHello, type Flow, type Hello } from './protocol/bodies.ts'
import { handshakeStep, type HandshakeAuthority, type PendingHello } from './protocol/handshake.ts'
import type { Credential } from './security/authenticator.ts'
import { ownPrograms } from './security/own-programs.ts'
import { createProcessCheck } from './security/process-check.ts'
import { CreditBook } from './session/credit-book.ts'
import type { Sessions } from './sessions.ts'

/** Room for subject, headers and markers beside the largest payload. bytes */
const FRAME_OVERHEAD_BYTES = 16 * 1024
/** A frame or line before the welcome. bytes */
const HANDSHAKE_FRAME_BYTES = 8 * 1024
/** The same for a message of a link that has messages: what devices say of themselves takes room. bytes */
const HANDSHAKE_MESSAGE_BYTES = 64 * 1024

/** Characters of a client's id. */
const MAX_CLIENT = 128

/** Largest frame, line or message before the welcome. bytes */
export function handshakeFrameBytes({ framing }: Link): number {
  return framing === 'stream' ? HANDSHAKE_FRAME_BYTES : HANDSHAKE_MESSAGE_BYTES
}

/** Judges the process at the other end; throws `auth.process_not_allowed`. */
export type ProcessCheck = (peer: Peer) => void

/** The user of the system that a principal may have beside the broker's own. */
export type UserOf = (principal: string) => number | undefined

export class Admission {
  readonly #core: Core
  readonly #checkProcess: ProcessCheck
  readonly #userOf: UserOf
  readonly #sessions: Sessions
  readonly #passOn: (fresh: Connection, to: Connection) => void
  readonly #onResumed: (connection: Connection, isIncomplete: boolean) => void
  readonly #authority: HandshakeAuthority<Credential>
  readonly #pending = new Map<Connection, PendingHello>()

  /** `passOn` lets go of a connection whose link another one has taken over; `onResumed` is told when that one has it. */
  constructor(core: Core, checkProcess: ProcessCheck, sessions: Sessions, passOn: (fresh: Connection, to: Connection) => void, onResumed: (connection: Connection, isIncomplete: boolean) => void, userOf: UserOf = () => undefined) {
    this.#core = core
    this.#userOf = userOf
    this.#sessions = sessions
    this.#passOn = passOn
    this.#onResumed = onResumed
    this.#checkProcess = checkProcess
    const { authenticator } = core
    this.#authority = {
      requireAuth: core.settings.ipc.security.requireAuth,
      unproven: (principal) => authenticator.unproven(principal),
      checkToken: (principal, token) => authenticator.checkToken(principal, token),
      challenge: (principal, nonce) => authenticator.challenge(principal, nonce),
      checkProof: (nonce, mac) => authenticator.checkProof(nonce, mac),
      checkGreeting: (greeting, principal, challenge, mac) => authenticator.checkGreeting(greeting, principal, challenge, mac),
      answer: (credential, greeting, challenge) => authenticator.answer(credential, greeting, challenge),
    }
  }

  /** Largest frame of an admitted connection. bytes */
  get maxFrameBytes(): number {
    return this.#core.settings.ipc.performance.maxMessageBytes + FRAME_OVERHEAD_BYTES
  }

  /** A new link: it has `handshakeMs` to say who it is. */
  begin(connection: Connection): void {
    const limitMs = this.#handshakeMs(connection.link)
    let isLate = false
    const deadline = new Deadline(() => {
      if (isLate) return this.#core.end(connection, new BrokerError('handshake.timeout', { limitMs }))
      // Where this process itself was held up, what has come meanwhile is read first.
      isLate = true
      this.#core.deadlines.set(deadline, 0)
    })
    connection.deadline = deadline
    this.#core.deadlines.set(deadline, limitMs)
  }

  /** A control frame before the welcome. Any error ends the connection. */
  step(connection: Connection, message: ControlMessage): void {
    try {
      const step = handshakeStep(this.#pending.get(connection), message, this.#authorityFor(connection), connection.greeting)
      if (step.kind === 'challenge') {
        this.#pending.set(connection, step.pending)
        this.#core.send(connection, { kind: Kind.challenge, ref: message.id, body: step.body })
      } else this.#admit(connection, message.id, step.hello, step.credential, step.mac)
    } catch (error) {
      this.#core.end(connection, BrokerError.from(error))
    }
  }

  /**
   * A hello of a NATS client that was admitted: it may say anew how it wants to be served, not who it is. Any error ends
   * the connection.
   */
  again(connection: Connection, message: ControlMessage): void {
    try {
      const hello = readHello(message.body)
      if (hello.auth.kind === 'nats' && Object.values(hello.auth.presented).some((each) => each !== undefined)) this.#proveAgain(connection, message)
      connection.echo = hello.echo
      this.#core.send(connection, { kind: Kind.welcome, ref: message.id }, 0)
    } catch (error) {
      this.#core.end(connection, BrokerError.from(error))
    }
  }

  #proveAgain(connection: Connection, message: ControlMessage): void {
    const principal = connection.permissions!.name
    const step = handshakeStep(undefined, message, this.#authorityFor(connection), connection.greeting)
    if (step.kind !== 'welcome' || step.credential.permissions.name !== principal) throw new BrokerError('auth.failed', { principal, reason: 'a second CONNECT was for another user' })
  }

  #handshakeMs({ protocol }: Link): number {
    const { ipc, nats } = this.#core.settings
    if (protocol === undefined) return ipc.limits.handshakeMs
    // The handshake of TLS is made on the same link, and has its own time.
    return nats.authTimeoutMs + (nats.tls?.handshakeTimeoutMs ?? 0)
  }

  // Without required authentication the directory of the socket keeps others out; over the network nothing does.
  #authorityFor(connection: Connection): HandshakeAuthority<Credential> {
    const { link } = connection
    if (link.protocol === 'nats') return { ...this.#authority, requireAuth: true, checkNats: (presented) => this.#core.natsAuthenticator.check(presented, { nonce: connection.greeting?.nonce, isWebSocket: link.wrap !== undefined }) }
    return link.peer.network === undefined ? this.#authority : { ...this.#authority, requireAuth: true }
  }

  /** The connection is gone, admitted or not. */
  leave(connection: Connection): void {
    this.#pending.delete(connection)
    if (connection.permissions !== undefined) this.#core.narrowed.giveBack(connection.permissions)
    this.#forgetDeadline(connection)
  }

  #forgetDeadline(connection: Connection): void {
    if (connection.deadline !== undefined) this.#core.deadlines.cancel(connection.deadline)
    connection.deadline = undefined
  }

  #admit(connection: Connection, ref: number, hello: Hello, credential: Credential, mac: string | undefined): void {
    const core = this.#core
    const { permissions } = credential
    const { ipc } = core.settings
    const { uid } = connection.link.peer
    const ownUid = process.getuid?.()
    if (uid !== undefined && ownUid !== undefined && uid !== ownUid && uid !== this.#userOf(permissions.name)) throw new BrokerError('auth.peer_uid', { actual: uid, expected: this.#userOf(permissions.name) ?? ownUid })
    // A list of programs is about this machine; of those that came over its network nobody says which they are.
    if (connection.link.peer.network !== 'remote') this.#checkProcess(connection.link.peer)
    if (hello.agent !== undefined && !(permissions.name === `agent:${hello.agent}` || permissions.has('admin') || (permissions.has('agent') && !permissions.name.startsWith('agent:')))) {
      throw new BrokerError('permission.denied', { principal: permissions.name, action: 'be agent', subject: hello.agent })
    }
    // Who is translated for is given plain payloads.
    const readsZstd = ipc.performance.compressionEnabled && hello.compression.includes('zstd') && connection.dialect!.translate === undefined
    if (hello.resume !== undefined) {
      const before = this.#sessions.find(connection, hello.resume, permissions.name)
      // What waits in a session is compressed or is not.
      if (before?.readsZstd === readsZstd) return this.#resume(before, connection, ref, hello, credential, mac)
    }
    if (hello.register !== undefined) core.registering.check(permissions, hello.register.name)
    connection.permissions = credential.narrowing === undefined ? permissions : core.narrowed.take(permissions, credential.narrowing)
    if (permissions.responses !== undefined) connection.replies = new AllowedReplies(permissions.responses, () => core.clock.monotonicMs())
    connection.key = credential.key
    connection.program = hello.program
    belong(connection, hello.agent, permissions.name)
    connection.echo = hello.echo
    connection.device = hello.device
    connection.readsZstd = readsZstd
    connection.moves = hello.moves && connection.dialect!.name === 'native'
    connection.readsReceiptRuns = hello.receiptRuns && connection.dialect!.name === 'native'
    const isNats = connection.link.protocol === 'nats'
    // A NATS client may say its CONNECT again.
    if (!isNats) connection.greeting = undefined
    if (hello.flow.credit) connection.credit = new CreditBook(ipc.limits.creditBytes)
    const limits = isNats ? this.#natsLimits() : this.#limitsFor(hello.flow)
    const { maxWriteBytes } = connection.link
    connection.outbound.load.limits = maxWriteBytes === undefined ? limits : { ...limits, maxWriteBytes }
    connection.isWatched = !isNats && ipc.performance.keepAlive && hello.heartbeatMs > 0
    connection.client = hello.client !== undefined && !hello.isClientDefault ? hello.client : this.#unlikeOthers(hello.client ?? this.#defaultClient(connection, hello))
    connection.session = randomBytes(16).toString('hex')
    const former = this.#takeOver(connection)
    this.#pending.delete(connection)
    this.#forgetDeadline(connection)
    this.#endAt(connection, credential)
    connection.state = 'ready'
    connection.dialect!.limit(this.maxFrameBytes)
    connection.link.admitted(this.maxFrameBytes)
    core.directory.add(connection)
    core.registering.admitted(connection, hello.register)
    if (former !== undefined) core.relief?.came(connection, former)
    core.addressesChanged()
    this.#sessions.grant(connection, hello.sessionTtlMs)
    core.send(connection, { kind: Kind.welcome, ref, body: this.#welcome(connection, mac, { ...(hello.resume === undefined ? {} : { resumed: false }), ...offered(hello, connection) }) }, 0)
    core.trail.admitted(connection)
    core.onConnectionEvent(connection, 'authenticated')
  }

  #endAt(connection: Connection, { expiresAtMicros = 0, endsWithAccount = false }: Credential): void {
    const { clock, deadlines } = this.#core
    connection.expiresAtMicros = expiresAtMicros
    if (expiresAtMicros === 0) return
    connection.deadline = new Deadline(() => this.#core.end(connection, new BrokerError(endsWithAccount ? 'auth.account_expired' : 'auth.credential_expired', { principal: connection.permissions!.name })))
    deadlines.set(connection.deadline, (expiresAtMicros - clock.wallMicros()) / 1000)
  }

  // The session goes on over the link of the connection that came for it; that connection is no more.
  #resume(connection: Connection, fresh: Connection, ref: number, hello: Hello, { permissions, key }: Credential, mac: string | undefined): void {
    const core = this.#core
    const { outbound } = connection
    // Said again where the link broke before the client may have read it: nothing was announced here since.
    const isMoved = connection.arrivedAtId === connection.lastId
    const writtenBefore = outbound.writtenRun
    const { lost, isIncomplete, again } = this.#sessions.takeOver(connection, fresh, hello.resume!.received)
    connection.permissions = permissions
    connection.key = key
    connection.device = hello.device ?? connection.device
    connection.isWatched = core.settings.ipc.performance.keepAlive && hello.heartbeatMs > 0
    connection.wasHeard = true
    connection.silentBeats = 0
    const body = this.#welcome(connection, mac, { resumed: true, lastId: connection.lastId, lost, ...(isMoved ? { moved: true } : {}), ...offered(hello, fresh) })
    // In the words of the hello that it answers.
    const welcome = fresh.dialect!.encode({ kind: Kind.welcome, ref, body })
    this.#passOn(fresh, connection)
    outbound.attach(connection.link, [new Slice(welcome, 0, welcome.length, 0, controlAccount, 0), ...again], this.#limitsFor(hello.flow))
    connection.link.admitted(this.maxFrameBytes)
    core.trail.admitted(connection)
    core.onConnectionEvent(connection, 'resumed')
    this.#onResumed(connection, isIncomplete)
    core.registering.reach(connection)
    if (connection.pauses > 0) connection.link.pause()
    // What waited leaves now: the recorder would take it for written in the turn in which it came.
    core.flusher.flush()
    if (outbound.writtenRun > writtenBefore) core.recorder.late(connection.number, writtenBefore + 1, outbound.writtenRun, core.clock.wallMicros())
  }

  #natsLimits(): OutboundLimits {
    const { ipc: { limits }, nats } = this.#core.settings
    return outboundLimits(nats.maxPendingBytes, limits.maxPendingMessages, limits.overflow)
  }

  #limitsFor({ overflow, maxPendingBytes, maxPendingMessages }: Flow): OutboundLimits {
    const { limits } = this.#core.settings.ipc
    if (overflow === undefined && maxPendingBytes === undefined && maxPendingMessages === undefined) return this.#core.flusher.limits
    const mostMessages = Math.min(maxPendingMessages ?? Infinity, limits.maxPendingMessages || Infinity)
    return outboundLimits(Math.min(maxPendingBytes ?? Infinity, limits.maxPendingBytes), mostMessages === Infinity ? 0 : mostMessages, overflow ?? limits.overflow)
  }

  #welcome(connection: Connection, mac: string | undefined, session: object): object {
    const { broker, incarnation, settings } = this.#core
    const compression = { name: 'zstd', aboveBytes: settings.pool.compressAboveBytes }
    const { limits, timeoutMs, retry, security } = settings.ipc
    return {
      protocol: PROTOCOL_VERSION,
      broker,
      incarnation,
      origin: connection.number,
      client: connection.client,
      session: connection.session,
      principal: connection.permissions!.name,
      roles: connection.permissions!.roles,
      limits: { maxFrameBytes: this.maxFrameBytes, maxSubscriptions: limits.maxSubscriptions, maxOpenRequests: limits.maxOpenRequests, requestTimeoutMs: timeoutMs, creditBytes: limits.creditBytes },
      heartbeatMs: connection.isWatched ? limits.heartbeatMs : 0,
      retry,
      signature: security.validateSignature,
      ...(connection.readsZstd ? { compression } : {}),
      ...(connection.grant === undefined ? {} : { sessionTtlMs: connection.grant.ttlMs, secret: connection.grant.secret }),
      ...session,
      ...(mac === undefined ? {} : { mac }),
    }
  }

  // `program-pid`, and the connection's number too where a second one of the same process comes without an id.
  #defaultClient(connection: Connection, { program }: Hello): string {
    const { pid } = connection.link.peer
    const name = program?.replace(/[^A-Za-z0-9_-]/g, '-')
    // What NATS clients call themselves is not theirs alone.
    if (connection.link.protocol === 'nats') return `${name ?? 'nats'}-${connection.number}`
    if (name === undefined || pid === undefined) return `client-${connection.number}`
    const id = `${name}-${pid}`
    return this.#core.directory.client(id) === undefined ? id : `${id}-${connection.number}`
  }

  // At joined brokers there are the same pids and numbers, and nobody shall take over from somebody by chance.
  #unlikeOthers(client: string): string {
    const { presence, broker } = this.#core
    if (presence === undefined) return client
    // What is cut off where it is too long is the name: the numbers behind it are what makes it unlike others here.
    const numberAt = client.includes('-') ? client.lastIndexOf('-') : client.length
    const own = `${client.slice(numberAt)}-${broker}`
    return client.slice(0, Math.min(numberAt, MAX_CLIENT - own.length)) + own
  }

  /** Who has its names makes room: at once, or in order, which is returned. @throws BrokerError `session.id_taken` when another principal has the client id or the agent name */
  #takeOver(connection: Connection): Connection | undefined {
    const { directory } = this.#core
    const { client, agent } = connection
    const holders = [directory.client(client), agent === undefined ? undefined : directory.addressed('agent', agent)]
    const open = holders.filter((holder) => holder?.isPresent)
    // Who has it at another broker is told there, once this one has made itself known.
    const elsewhere = [this.#core.presence?.holder('client', client), agent === undefined || connection.permissions?.name === `agent:${agent}` ? undefined : this.#core.presence?.holder('agent', agent)]
    const principals = [...open.map((holder) => holder?.permissions?.name), ...elsewhere.filter((principal) => principal !== undefined)]
    if (principals.some((principal) => principal !== connection.permissions?.name)) throw new BrokerError('session.id_taken', { client })
    const former = open.find((holder) => holder?.isFormer === true && holder.agent === agent)
    for (const holder of open) if (holder !== former) this.#core.end(holder!, new BrokerError('session.taken_over', { client }))
    return former
  }
}

/** The check that the settings ask for: without a list every process of the right user may connect. */
export function processCheck({ ipc }: Settings, isOwnAgent: (pid: number) => boolean): ProcessCheck {
  const { allowedProcesses: allowed, processes } = ipc.security
  if (allowed === undefined) return () => {}
  const check = createProcessCheck({ allowed, processes, builtIn: ownPrograms(), isOwnAgent })
  return ({ pid }) => check(pid)
}

// Beside frames alone: other dialects have no words for it.
function offered({ sharedMemory }: Hello, { link, dialect }: Connection): object {
  const offer = sharedMemory && dialect!.name === 'native' ? link.memory?.offer() : undefined
  return offer === undefined ? {} : { sharedMemory: offer }
}
