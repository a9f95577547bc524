// permessage-deflate (RFC 7692) of one link: what was agreed on, and the messages that leave compressed. Each message is
// compressed by itself, so that receivers of the same bytes share the result, and no link keeps a window.

import * as ws from 'ws'
import { COMPRESSED, Opcode } from './frame-header.ts'
import { eachLine, messageFrames, type Outgoing } from './outgoing.ts'

/** Compresses a whole message as RFC 7692 7.2.1 wants it: raw deflate with a sync flush, less the four bytes at its end. */
export type Deflate = (bytes: Uint8Array) => Promise<Uint8Array>

/** What all compressing links share. */
export interface DeflationOptions {
  readonly deflate: Deflate
  /** Smaller messages leave as they are. bytes */
  readonly aboveBytes: number
  readonly maxFrameBytes: number
  readonly outgoing: Outgoing
}

type Parameters = Readonly<Record<string, unknown>>

interface PerMessageDeflate {
  accept(offers: readonly Parameters[]): Parameters
  cleanup(): void
}

const { PerMessageDeflate, extension } = ws as unknown as {
  readonly PerMessageDeflate: new (options: object) => PerMessageDeflate
  readonly extension: { parse(header: string): Readonly<Record<string, readonly Parameters[]>>; format(accepted: object): string }
}

const NAME = 'permessage-deflate'
const alone = { isServer: true, serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: undefined }

/** The last pieces that were compressed, for the next receiver of the same. */
let lastPieces: readonly Uint8Array[] | undefined
let lastFrames: Promise<Uint8Array[]> | undefined

export class Deflation {
  /** What the answer to the upgrade says. */
  readonly header: string
  readonly #options: DeflationOptions
  readonly #offers: () => readonly Parameters[]
  #incoming: PerMessageDeflate | undefined

  /** Agrees on what the request's `Sec-WebSocket-Extensions` offers; undefined when nothing of it fits. */
  static agree(offered: string | undefined, options: DeflationOptions): Deflation | undefined {
    if (offered === undefined) return undefined
    try {
      const offers = (): readonly Parameters[] => (extension.parse(offered)[NAME] ?? []).filter((offer) => !('server_max_window_bits' in offer))
      if (offers().length === 0) return undefined
      const header = extension.format({ [NAME]: [new PerMessageDeflate(alone).accept(offers())] })
      return new Deflation(header, offers, options)
    } catch {
      return undefined
    }
  }

  private constructor(header: string, offers: () => readonly Parameters[], options: DeflationOptions) {
    this.header = header
    this.#offers = offers
    this.#options = options
  }

  /** For the receiver: inflates messages of at most `maxMessageBytes`. Made when the client was let in, and not before. */
  incoming(maxMessageBytes: number): Readonly<Record<string, unknown>> {
    const inflating = new PerMessageDeflate({ ...alone, maxPayload: maxMessageBytes })
    inflating.accept(this.#offers())
    this.#incoming = inflating
    return { [NAME]: inflating }
  }

  /** Pieces of one write as frames: a promise of them when something of it is worth compressing. */
  frames(pieces: readonly Uint8Array[], isBinary: boolean): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const { outgoing, aboveBytes } = this.#options
    if (!pieces.some((piece) => piece.length >= aboveBytes)) return isBinary ? outgoing.binary(pieces) : outgoing.text(pieces)
    if (pieces !== lastPieces) {
      lastPieces = pieces
      const frames = this.#compressed(pieces, isBinary)
      lastFrames = frames
      void frames.finally(() => {
        if (lastFrames === frames) lastPieces = lastFrames = undefined
      }).catch(() => {})
    }
    return lastFrames!
  }

  close(): void {
    this.#incoming?.cleanup()
    this.#incoming = undefined
  }

  async #compressed(pieces: readonly Uint8Array[], isBinary: boolean): Promise<Uint8Array[]> {
    const opcode = isBinary ? Opcode.binary : Opcode.text
    const messages: Uint8Array[] = []
    for (const piece of pieces) {
      if (isBinary) messages.push(piece)
      else eachLine(piece, (start, end) => messages.push(piece.subarray(start, end)))
    }
    const frames = await Promise.all(messages.map((message) => this.#frames(opcode, message)))
    return frames.flat()
  }

  async #frames(opcode: number, message: Uint8Array): Promise<Uint8Array[]> {
    const { deflate, aboveBytes, maxFrameBytes } = this.#options
    if (message.length < aboveBytes) return messageFrames(opcode, message, maxFrameBytes)
    return messageFrames(opcode | COMPRESSED, await deflate(message), maxFrameBytes)
  }
}
