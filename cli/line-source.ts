// Reads a text file line by line, and goes on as it grows, is truncated or is replaced by another of its name.

import { watch } from 'node:fs'
import { open, stat, type FileHandle } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { isCode } from '../broker/ground/home.ts'

const CHUNK_BYTES = 64 * 1024
// Not every file system reports changes; one look a second finds what the watcher missed.
const POLL_MS = 1000

/** Every whole line of the file as it stands, in order; a last line without an end counts. */
export async function* readLines(path: string): AsyncGenerator<string> {
  const handle = await open(path)
  try {
    const cutter = new LineCutter()
    yield* readFrom(handle, 0, cutter)
    yield* cutter.end()
  } finally {
    await handle.close()
  }
}

/**
 * The file's lines, and then those that are added, until `signal` is aborted; null each time that all there is was read.
 * The file need not exist yet, its directory must.
 */
export async function* followLines(path: string, signal: AbortSignal): AsyncGenerator<string | null> {
  const wake = new Wake(path, signal)
  let handle: FileHandle | undefined
  let cutter = new LineCutter()
  let position = 0
  try {
    while (!signal.aborted) {
      handle ??= await openIfThere(path)
      if (handle !== undefined) {
        // Rotation first renames the file and then opens a new one: what was still written to the old one is read before.
        const isReplaced = await isOther(handle, path)
        const { size } = await handle.stat()
        if (size < position) {
          position = 0
          cutter = new LineCutter()
        }
        yield* readFrom(handle, position, cutter)
        position = cutter.bytesSeen
        if (isReplaced) {
          yield* cutter.end()
          await handle.close()
          handle = undefined
          cutter = new LineCutter()
          position = 0
          continue
        }
      }
      yield null
      await wake.next()
    }
  } finally {
    wake.close()
    await handle?.close()
  }
}

class LineCutter {
  /** Bytes taken so far, from the beginning of the file. */
  bytesSeen = 0
  #decoder = new StringDecoder('utf8')
  #rest = ''

  cut(chunk: Uint8Array): string[] {
    this.bytesSeen += chunk.length
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n')
    this.#rest = lines.pop()!
    return lines
  }

  end(): string[] {
    const last = this.#rest + this.#decoder.end()
    this.#rest = ''
    return last === '' ? [] : [last]
  }
}

async function* readFrom(handle: FileHandle, from: number, cutter: LineCutter): AsyncGenerator<string> {
  const buffer = new Uint8Array(CHUNK_BYTES)
  for (let position = from; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, CHUNK_BYTES, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield* cutter.cut(buffer.subarray(0, bytesRead))
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** True when the name leads to another file now. While it leads nowhere, the one that is open may still grow. */
async function isOther(handle: FileHandle, path: string): Promise<boolean> {
  try {
    const [open, named] = await Promise.all([handle.stat(), stat(path)])
    return open.ino !== named.ino || open.dev !== named.dev
  } catch (error) {
    if (isCode(error, 'ENOENT')) return false
    throw error
  }
}

/** Resolves when something may have happened to a file. What happens between two calls wakes the second at once. */
class Wake {
  #isDue = false
  #resolve: (() => void) | undefined
  readonly #close: () => void

  constructor(path: string, signal: AbortSignal) {
    const touch = (): void => {
      this.#isDue = true
      this.#resolve?.()
    }
    // The directory, not the file: a new file of the same name is a change there.
    const watcher = watch(dirname(path), (_, name) => {
      if (name === null || name === basename(path)) touch()
    })
    watcher.on('error', touch)
    const timer = setInterval(touch, POLL_MS)
    signal.addEventListener('abort', touch)
    this.#close = () => {
      watcher.close()
      clearInterval(timer)
      signal.removeEventListener('abort', touch)
    }
  }

  async next(): Promise<void> {
    if (!this.#isDue) await new Promise<void>(resolve => (this.#resolve = resolve))
    this.#isDue = false
    this.#resolve = undefined
  }

  close(): void {
    this.#close()
  }
}
