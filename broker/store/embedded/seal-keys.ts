// The keys of an encrypted store: read from files or printed by commands, told apart by ids. Knows no rows.

import { spawnSync } from 'node:child_process'
import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { BrokerError } from '../../ground/errors.ts'
import { formatMode } from '../../ground/home.ts'
import type { KeySource } from '../../ground/store-settings.ts'

export interface StoreKey {
  /** 4 bytes in hex, derived from the key: stands in the rows that it sealed. */
  readonly id: string
  readonly key: KeyObject
}

const KEY_BYTES = 32
const OTHERS = 0o077
const COMMAND_MS = 30_000
const MAX_OUTPUT = 4096

/**
 * All keys, in the order of `sources`: the first one seals, all of them open.
 * @throws BrokerError `store.key` naming the source that gives none
 */
export function loadKeys(sources: readonly KeySource[]): StoreKey[] {
  if (sources.length === 0) throw unusable('store.embedded.encryption.keys names none; name at least one file or command')
  const keys: StoreKey[] = []
  for (const source of sources) {
    const loaded = storeKey('file' in source ? readKeyFile(source.file) : runKeyCommand(source.command), nameOf(source))
    if (keys.some(({ id }) => id === loaded.id)) throw unusable(`${nameOf(source)} gives key ${loaded.id}, which is in the list already; name each key once`)
    keys.push(loaded)
  }
  return keys
}

function readKeyFile(path: string): string {
  try {
    // Mode and content of one file, even when somebody puts another in its place meanwhile.
    const file = openSync(path, 'r')
    try {
      const { mode } = fstatSync(file)
      if ((mode & OTHERS) !== 0) throw unusable(`others may read ${path} (mode ${formatMode(mode)}); run chmod 600 ${path}`)
      return readFileSync(file, 'utf8')
    } finally {
      closeSync(file)
    }
  } catch (error) {
    if (error instanceof BrokerError) throw error
    throw unusable(`${path} cannot be read: ${(error as Error).message}`, error)
  }
}

/** Runs without a shell: words are words, whatever is in them. What it says on stderr is told when it fails; stdout never is. */
function runKeyCommand(words: readonly string[]): string {
  const [program, ...args] = words
  if (program === undefined) throw unusable('a command has no words; give the program and its arguments as a list')
  const { status, signal, error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: COMMAND_MS, maxBuffer: MAX_OUTPUT, stdio: ['ignore', 'pipe', 'pipe'] })
  if (error !== undefined) throw unusable(`the command ${program} failed: ${error.message}`, error)
  if (status !== 0) throw unusable(`the command ${program} ended with ${signal ?? `exit code ${status}`}: ${stderr.trim().slice(0, 200) || 'it said nothing'}`)
  return stdout
}

function storeKey(text: string, source: string): StoreKey {
  const trimmed = text.trim()
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed) ? Buffer.from(trimmed, 'base64') : undefined
  // The text itself is never told: it may be a key that was cut off.
  if (bytes?.length !== KEY_BYTES) throw unusable(`${source} gives ${trimmed.length} characters; expected 32 bytes in hex (64 characters) or base64 (44), as printed by: openssl rand -base64 32`)
  const key = createSecretKey(bytes)
  return { id: Buffer.from(hkdfSync('sha256', bytes, '', 'callboard store key id', 4)).toString('hex'), key }
}

function nameOf(source: KeySource): string {
  return 'file' in source ? source.file : `the command ${source.command[0]}`
}

/** `store.key`: what is wrong and what to do, in words. */
export function unusable(problem: string, cause?: unknown): BrokerError {
  return new BrokerError('store.key', { problem }, cause === undefined ? undefined : { cause })
}
