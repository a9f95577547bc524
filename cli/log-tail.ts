// The end of a log file: what it says last, without reading all of it.

import { open } from 'node:fs/promises'
import { isCode } from '../broker/ground/home.ts'

const TAIL_BYTES = 256 * 1024

/** The last whole lines of a file, at most 256 KiB of them, oldest first; none when there is no such file. */
export async function lastLines(path: string): Promise<string[]> {
  const handle = await open(path).catch((error: unknown) => {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return undefined
    throw error
  })
  if (handle === undefined) return []
  try {
    const { size } = await handle.stat()
    const from = Math.max(0, size - TAIL_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, TAIL_BYTES)), 0, undefined, from)
    const lines = buffer.toString('utf8', 0, bytesRead).split('\n')
    // It may begin in the middle of a line.
    if (from > 0) lines.shift()
    return lines.filter(line => line !== '')
  } finally {
    await handle.close()
  }
}
