// A pipeline whose pool has threads, and what clients need to give them work: signatures, zstd.

import { createHmac } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { encodeSigned } from '../../client/signer.ts'
import type { FrameInit } from '../../broker/wire/frame.ts'
import { Flag } from '../../broker/wire/layout.ts'
import type { NativeClient, ReceivedFrame } from './memory-client.ts'
import { OWNER_TOKEN, PipelineRig, type PipelineSetup } from './pipeline.ts'
import type { Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

const KIB = 1024

/** Signatures from 4 KiB and compression from 2 KiB on are work for a thread. */
export class PoolRig extends PipelineRig {
  constructor(t: Teardown, setup: PipelineSetup = {}) {
    super({ ...setup, pool: { threads: 1, signatureAboveBytes: 4 * KIB, compressAboveBytes: 2 * KIB, ...setup.pool } })
    this.core.pool.open(error => {
      throw error
    })
    t.teardown(() => this.core.pool.close())
  }

  /** Lets threads and links do something. */
  async settleOnce(): Promise<void> {
    await new Promise(setImmediate)
    this.turn()
  }

  /** Waits until no message of these clients is at work. */
  async settle(...clients: NativeClient[]): Promise<void> {
    await until(() => {
      this.turn()
      return clients.every(({ connection }) => connection.ingressQueue === undefined)
    })
  }
}

/** The client's next frame, signed with its token. */
export function signedFrame(client: NativeClient, init: FrameInit, key = OWNER_TOKEN): Uint8Array {
  const id = client.nextId
  client.frame({ kind: init.kind, id })
  return encodeSigned({ ...init, id }, Buffer.from(key), (secret, data) => createHmac('sha256', secret).update(data).digest())
}

/** The same message as its sender compresses it. */
export function compressedInit(init: FrameInit): FrameInit {
  return { ...init, flags: (init.flags ?? 0) | Flag.compressed, payload: zstdCompressSync(init.payload ?? new Uint8Array(0)) }
}

export function isCompressed({ flags }: { flags: number }): boolean {
  return (flags & Flag.compressed) !== 0
}

/** What a message says, however it came. */
export function plainPayload(frame: Pick<ReceivedFrame, 'flags' | 'payload'>): Buffer {
  return isCompressed(frame) ? zstdDecompressSync(frame.payload) : Buffer.from(frame.payload)
}

/** `bytes` of text that compresses well and names `about`. */
export function textOf(about: string | number, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${about} says hello to everybody who listens; `)
}
