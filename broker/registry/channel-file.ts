// Keeps custom channels over restarts: one JSON file, replaced as a whole.

import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BrokerError } from '../ground/errors.ts'
import type { ChannelMode, ChannelSpec } from '../ground/types.ts'

export interface SavedChannel {
  readonly name: string
  readonly mode: ChannelMode
  readonly createdAt: number
}

/**
 * The saved channels; none when there is no file.
 * @throws BrokerError `channel.invalid` naming the file when it cannot be read as one
 */
export function loadChannels(path: string): SavedChannel[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw invalid(path, error)
  }
  try {
    const saved = JSON.parse(text) as { channels: SavedChannel[] }
    return saved.channels.map(savedChannel)
  } catch (error) {
    throw invalid(path, error)
  }
}

function savedChannel({ name, mode, createdAt }: SavedChannel): SavedChannel {
  if (typeof name !== 'string' || (mode !== 'pubsub' && mode !== 'broadcast') || typeof createdAt !== 'number') throw new TypeError('an entry is not {name, mode, createdAt}')
  return { name, mode, createdAt }
}

/**
 * Replaces the file; a crash leaves the old one or the new one, whole.
 * @throws BrokerError `home.unusable` when it cannot be written; the old one stays
 */
export async function saveChannels(path: string, channels: readonly ChannelSpec[]): Promise<void> {
  const saved: SavedChannel[] = channels.filter((spec) => !spec.predefined).map(({ name, mode, createdAt }) => ({ name, mode, createdAt }))
  const temporary = `${path}.${process.pid}.new`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify({ channels: saved }, undefined, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw new BrokerError('home.unusable', { home: dirname(path), problem: `the channels cannot be saved: ${(error as Error).message}` }, { cause: error })
  }
}

function invalid(path: string, cause: unknown): BrokerError {
  const problem = `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}; mend it or move it away`
  return new BrokerError('channel.invalid', { problem }, { cause })
}
