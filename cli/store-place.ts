// Where the embedded store of a home is, as far as files say; for commands that work while no broker runs.

import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { KeySource } from '../broker/ground/store-settings.ts'
import { loadConfigOf } from '../config/load.ts'
import type { Context } from './context.ts'
import { Failure } from './failure.ts'
import { readStartRecord } from './start-record.ts'

export interface StorePlace {
  readonly directory: string
  /** Names of queues that there may be: of the configuration, and made at run time. */
  readonly names: readonly string[]
  /** undefined: nothing is encrypted. */
  readonly keys: readonly KeySource[] | undefined
}

/** @throws Failure when the queues are kept elsewhere, BrokerError `config.invalid` */
export async function storePlace({ paths }: Context, config: string | undefined): Promise<StorePlace> {
  const file = config === undefined ? readStartRecord(paths).config : resolve(config)
  const { settings } = await loadConfigOf({ home: paths.home, file })
  const { backend, embedded } = settings.store
  if (backend !== 'embedded') {
    throw new Failure({ code: 'queue.unsupported', message: `queues of this home are kept ${backend === 'memory' ? 'in memory' : `by ${backend}`}, not in files of its own (queue.unsupported)`, hint: backend === 'memory' ? 'what they hold ends with the broker; set queue.backend to embedded to keep it' : 'use the tools of that store; see docs/queues.md' })
  }
  const configured = settings.channels.filter(({ mode }) => mode === 'queue').map(({ name }) => name)
  return { directory: embedded.path ?? join(paths.home, 'store'), keys: embedded.encryption?.keys, names: [...new Set([...configured, ...savedQueues(paths.channels)])] }
}

/** Queues among the channels that were made at run time; none where the file cannot be understood. */
function savedQueues(path: string): string[] {
  try {
    const { channels } = JSON.parse(readFileSync(path, 'utf8')) as { channels: { name: string; mode: string }[] }
    return channels.filter(({ mode }) => mode === 'queue').map(({ name }) => name)
  } catch {
    return []
  }
}
