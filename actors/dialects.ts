// The dialects that a connection may speak, by its first byte.

import type { Connection } from '../broker/connection.ts'
import type { Core } from '../broker/core.ts'
import type { Ingress } from '../broker/ground/control.ts'
import type { Dialects } from '../broker/pipeline.ts'
import { JsonDialect, type JsonHost } from '../dialects/json/json-dialect.ts'
import { JsonWriter } from '../dialects/json/json-writer.ts'
import { NativeDialect } from '../dialects/native/native-dialect.ts'
import { NativeReader } from '../dialects/native/native-reader.ts'

/** A native frame's length is below 2^24. */
const NATIVE = 0x00
/** `{` */
const JSON_LINES = 0x7b

/** `core` is asked for when the first connection comes. */
export function createDialects(core: () => Core): Dialects {
  let reader: NativeReader<Connection> | undefined
  let host: JsonHost | undefined
  return {
    greet: () => undefined,
    begin(firstByte, connection, ingress, maxFrameBytes) {
      const { framing } = connection.link
      if (framing !== 'text' && firstByte === NATIVE) return new NativeDialect(connection, ingress, (reader ??= nativeReader(ingress, core())), maxFrameBytes)
      if (framing === 'stream' && firstByte === JSON_LINES) return new JsonDialect(connection, ingress, (host ??= jsonHost(core())), maxFrameBytes)
      return undefined
    },
  }
}

function nativeReader(ingress: Ingress<Connection>, { clock, flusher, settings }: Core): NativeReader<Connection> {
  return new NativeReader(ingress, () => clock.wallMicros(), (chunk) => flusher.lend(chunk), settings.ipc.performance.maxMessageBytes)
}

function jsonHost(core: Core): JsonHost {
  const { directory, channels, clock, broker, incarnation } = core
  const writer = new JsonWriter({
    nameOf: (origin) => directory.nameOf(origin),
    channelOf: (subject) => channels.owner(subject.split('.'))?.name,
    textId: (origin, id) => `${broker}.${incarnation}.${origin}.${id}`,
  })
  return { writer, requiresSignature: core.settings.ipc.security.validateSignature, checkChannel: (name) => void channels.get(name), wallMicros: () => clock.wallMicros() }
}
