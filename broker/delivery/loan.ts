// Chunks of one turn on loan to receivers: when all have written what they got of them, their memory is given back.
//
// Left to the collector, 64 KiB a read make it run 20 times a second over the whole heap, which costs more than all the
// routing. A chunk on loan belongs to the broker alone: nobody keeps a view of it beyond its delivery.

export class Loan {
  readonly #chunks: readonly Uint8Array[]
  #holders = 1

  /** Held once, by whoever makes it. */
  constructor(chunks: readonly Uint8Array[]) {
    this.#chunks = chunks
  }

  /** True while somebody beside its maker holds it. */
  get isShared(): boolean {
    return this.#holders > 1
  }

  hold(): void {
    this.#holders++
  }

  release(): void {
    if (--this.#holders > 0) return
    for (const { buffer } of this.#chunks) (buffer as ArrayBuffer).transfer(0)
  }
}

/**
 * True when giving back the memory below a chunk takes nothing from anybody else: the chunk is most of it. What shares its
 * memory with others, out of a pool or a slab, is half of it at most; a WebSocket's chunk misses its headers alone, and
 * all that is handed over of one memory is handed over in one turn.
 */
export function isMostOfItsMemory(chunk: Uint8Array): boolean {
  return chunk.buffer instanceof ArrayBuffer && chunk.byteLength * 2 > chunk.buffer.byteLength
}
