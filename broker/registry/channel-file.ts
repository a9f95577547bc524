// Keeps custom channels over restarts: one JSON file, replaced as a whole.

import { readFileSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BrokerError } from '../ground/errors.ts'
import { Fields } from '../ground/fields.ts'
import { readQueueOverrides, type QueueOverrides } from '../ground/queue-overrides.ts'
import type { ChannelMode, ChannelSpec } from '../ground/types.ts'

export interface SavedChannel {
  readonly name: string
  readonly mode: ChannelMode
  readonly createdAt: number
  /** Mode `queue`: what it says of itself. */
  readonly queue?: QueueOverrides | undefined
}

/**
 * The saved channels; none when there is no file.
 * @throws BrokerError `channel.invalid` naming the file when it cannot be read as one
 */
export function loadChannels(path: string): SavedChannel[] {
  return load(path, [], ({ channels }) => (channels as SavedChannel[]).map(savedChannel))
}

/**
 * In which revision this broker and those that it is joined to last agreed on each channel; see SharedChannelHost.
 * @throws BrokerError `channel.invalid` naming the file when it cannot be read as one
 */
export function loadAgreed(path: string): Map<string, number> {
  return load(path, new Map<string, number>(), ({ agreed = {} }) => new Map(Object.entries(agreed as object).map(savedRevision)))
}

function load<T>(path: string, none: T, read: (saved: { channels?: unknown; agreed?: unknown }) => T): T {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return none
    throw invalid(path, error)
  }
  try {
    return read(JSON.parse(text) as object)
  } catch (error) {
    throw invalid(path, error)
  }
}

function savedRevision([name, revision]: [string, unknown]): [string, number] {
  if (!(Number.isSafeInteger(revision) && (revision as number) > 0)) throw new TypeError('an entry of "agreed" is not a revision')
  return [name, revision as number]
}

function savedChannel({ name, mode, createdAt, queue }: SavedChannel): SavedChannel {
  if (typeof name !== 'string' || (mode !== 'pubsub' && mode !== 'broadcast' && mode !== 'queue') || typeof createdAt !== 'number') throw new TypeError('an entry is not {name, mode, createdAt}')
  if (queue === undefined) return { name, mode, createdAt }
  return { name, mode, createdAt, queue: readQueueOverrides(new Fields(`the queue of channel "${name}"`, queue, (problem) => new BrokerError('queue.bad_option', { problem }))) }
}

/**
 * Replaces the file; a crash leaves the old one or the new one, whole.
 * @throws BrokerError `home.unusable` when it cannot be written; the old one stays
 */
export async function saveChannels(path: string, channels: readonly ChannelSpec[], agreed: ReadonlyMap<string, number> = new Map()): Promise<void> {
  const saved: SavedChannel[] = channels.filter((spec) => !spec.predefined).map(({ name, mode, createdAt, queue }) => ({ name, mode, createdAt, ...(queue === undefined ? {} : { queue }) }))
  const temporary = `${path}.${process.pid}.new`
  try {
    const file = await open(temporary, 'w', 0o600)
    try {
      await file.writeFile(`${JSON.stringify({ channels: saved, ...(agreed.size === 0 ? {} : { agreed: Object.fromEntries(agreed) }) }, undefined, 2)}\n`)
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
