// The dialects that a connection may speak, by its link and its first byte.

import type { Connection } from '../broker/connection.ts'
import type { Core } from '../broker/core.ts'
import type { Ingress } from '../broker/ground/control.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import type { Settings } from '../broker/ground/settings.ts'
import { parseSubject } from '../broker/ground/subject.ts'
import type { Dialects } from '../broker/pipeline-options.ts'
import { Presence } from '../broker/presence.ts'
import { event, line } from '../dialects/gateway/answers.ts'
import { GatewayDialect, type GatewayHost } from '../dialects/gateway/gateway-dialect.ts'
import { createGatewayWriter } from '../dialects/gateway/gateway-writer.ts'
import { Turns, type TurnLimits } from '../dialects/gateway/turns.ts'
import type { EnvelopeHost } from '../dialects/json/envelopes.ts'
import { JsonDialect, type JsonHost } from '../dialects/json/json-dialect.ts'
import { JsonWriter, type Names } from '../dialects/json/json-writer.ts'
import { infoLine, type ServerInfo } from '../dialects/nats/info.ts'
import { NatsDialect, type NatsHost } from '../dialects/nats/nats-dialect.ts'
import { NatsReader } from '../dialects/nats/nats-reader.ts'
import { NatsWriter } from '../dialects/nats/nats-writer.ts'
import { TracedNatsDialect } from '../dialects/nats/traced-nats-dialect.ts'
import { NativeDialect } from '../dialects/native/native-dialect.ts'
import { NativeReader } from '../dialects/native/native-reader.ts'

/** A native frame's length is below 2^24. */
const NATIVE = 0x00
/** `{` */
const JSON_LINES = 0x7b

/** Requests of one session key that may wait for the one before them, and of all: 32 MiB of them at most. */
const TURN_LIMITS: TurnLimits = { perKey: 100, total: 10_000, totalBytes: 32 * 1024 * 1024 }

/** `core` is asked for when the first connection comes; `version` is the broker's, `natsAddress` that of its NATS port, `nats://host:port`. */
export function createDialects(core: () => Core, version: string, natsAddress?: () => string | undefined): Dialects {
  let reader: NativeReader<Connection> | undefined
  let json: JsonHost | undefined
  let gateway: GatewayHost<Connection> | undefined
  let nats: NatsHost<Connection> | undefined
  return {
    // Only links with messages: on a byte stream the client's first byte says what it understands.
    greet(connection) {
      if (connection.link.protocol === 'nats') return natsInfo(connection, core(), natsServer(core(), version, natsAddress?.()))
      return connection.link.framing === 'stream' ? undefined : challenge(connection, core())
    },
    known: (connection, ingress) => (connection.link.protocol === 'nats' ? natsDialect(connection, ingress, (nats ??= natsHost(core())), core()) : undefined),
    notice(connection, isLeaving) {
      const { dialect } = connection
      return dialect instanceof NatsDialect && dialect.readsNotices ? natsInfo(connection, core(), natsServer(core(), version, natsAddress?.()), isLeaving) : undefined
    },
    begin(firstByte, connection, ingress, maxFrameBytes) {
      const { framing } = connection.link
      // Whatever a text begins with: what is wrong with it is told as text.
      if (framing === 'text') return new GatewayDialect(connection, ingress, (gateway ??= gatewayHost(core(), version)), maxFrameBytes)
      if (firstByte === NATIVE) return new NativeDialect(connection, ingress, (reader ??= nativeReader(ingress, core())), maxFrameBytes)
      if (framing === 'stream' && firstByte === JSON_LINES) return new JsonDialect(connection, ingress, (json ??= jsonHost(core())), maxFrameBytes)
      return undefined
    },
  }
}

function challenge(connection: Connection, { authenticator, clock }: Core): Uint8Array {
  const greeting = authenticator.greeting()
  connection.greeting = greeting
  return line(event('connect.challenge', { nonce: greeting.nonce, ts: Math.floor(clock.wallMicros() / 1000) }))
}

function nativeReader(ingress: Ingress<Connection>, { clock, flusher, settings }: Core): NativeReader<Connection> {
  const { pool } = settings
  const { maxMessageBytes, compressionEnabled } = settings.ipc.performance
  // What may have to be compressed is looked at on its own.
  const maxRunFrameBytes = compressionEnabled ? Math.min(maxMessageBytes, pool.compressAboveBytes) : maxMessageBytes
  // What threads will work on need not be copied for them.
  const sharedFromBytes = Math.min(settings.ipc.security.validateSignature ? pool.signatureAboveBytes : Infinity, compressionEnabled ? pool.compressAboveBytes : Infinity)
  return new NativeReader(ingress, () => clock.wallMicros(), (chunk) => flusher.lend(chunk), maxRunFrameBytes, sharedFromBytes)
}

function jsonHost(core: Core): JsonHost {
  return { ...envelopeHost(core), writer: new JsonWriter(namesOf(core)) }
}

function gatewayHost(core: Core, version: string): GatewayHost<Connection> {
  const { clock, deadlines, settings } = core
  const presence = new Presence(core, version)
  return {
    ...envelopeHost(core),
    writer: createGatewayWriter(namesOf(core)),
    turns: new Turns(deadlines, TURN_LIMITS),
    maxOpenRequests: settings.ipc.limits.maxOpenRequests,
    timeoutMs: settings.ipc.timeoutMs,
    monotonicMs: () => clock.monotonicMs(),
    snapshot: (client) => presence.snapshot(core.directory.client(client)!),
    checkPublish(connection, subject) {
      const permissions = connection.permissions!
      if (!permissions.mayPublish(parseSubject(subject))) throw new BrokerError('permission.denied', { principal: permissions.name, action: 'publish to', subject })
    },
    send(connection, bytes) {
      if (!connection.isEnding) core.sendBytes(connection, bytes)
    },
  }
}

function natsInfo(connection: Connection, core: Core, server: ServerInfo, isLameDuck = false): Uint8Array {
  const { number, link } = connection
  if (core.natsAuthenticator.wantsNonce) connection.greeting ??= core.authenticator.greeting()
  return Buffer.from(infoLine(server, { number, address: link.peer.address, nonce: connection.greeting?.nonce, isWebSocket: link.wrap !== undefined }, isLameDuck))
}

// `address`: `nats://host:port` of the port that was opened, if one was.
function natsServer({ broker, settings }: Core, version: string, address: string | undefined): ServerInfo {
  const { nats } = settings
  return {
    serverId: broker,
    serverName: nats.serverName ?? `callboard-${broker}`,
    callboardVersion: version,
    host: nats.host,
    port: Number(address === undefined ? nats.port : new URL(address).port),
    maxPayloadBytes: maxNatsPayload(settings),
    isAuthRequired: nats.noAuthUser === undefined,
    tls: nats.tls,
  }
}

function maxNatsPayload({ nats, ipc }: Settings): number {
  return nats.maxPayloadBytes ?? ipc.performance.maxMessageBytes
}

function natsDialect(connection: Connection, ingress: Ingress<Connection>, host: NatsHost<Connection>, { settings, log }: Core): NatsDialect<Connection> {
  if (settings.nats.traces !== true) return new NatsDialect(connection, ingress, host)
  const { id, link } = connection
  return new TracedNatsDialect(connection, ingress, host, (operation) => log.debug({ connection: id, address: link.peer.address, operation }, 'received'))
}

function natsHost(core: Core): NatsHost<Connection> {
  const { clock, flusher, settings } = core
  const { nats } = settings
  const writer = new NatsWriter(namesOf(core))
  const onRead = (chunk: Uint8Array): void => {
    flusher.lend(chunk)
    for (const written of writer.takeLarge()) flusher.lend(written)
  }
  return {
    reader: new NatsReader(() => clock.wallMicros(), onRead),
    writer,
    // Looked at for each connection: they may change.
    get maxControlLineBytes() {
      return nats.maxControlLineBytes
    },
    get maxPayloadBytes() {
      return maxNatsPayload(settings)
    },
    get admitsAnonymous() {
      return nats.noAuthUser !== undefined
    },
    send(connection, bytes) {
      if (!connection.isEnding) core.sendBytes(connection, bytes)
    },
  }
}

function envelopeHost({ channels, clock, settings }: Core): EnvelopeHost {
  return { requiresSignature: settings.ipc.security.validateSignature, checkChannel: (name) => void channels.get(name), wallMicros: () => clock.wallMicros() }
}

/** What things are called, for those who tell clients of messages. */
export function namesOf({ directory, channels, broker, incarnation }: Core): Names {
  return {
    nameOf: (origin) => directory.nameOf(origin),
    channelOf: (subject) => channels.owner(subject.split('.'))?.name,
    textId: (origin, id) => `${broker}.${incarnation}.${origin}.${id}`,
  }
}
