// The file of a backup: an SQLite database, and behind it what else a restore needs and a checksum over all. Knows no rows.
//
//   database, as SQLite wrote it │ contents, JSON │ SHA-256 of all the rest, 32 │ length of the JSON u32 │ "callboard backup"
//
// SQLite does not mind what follows its last page: sqlite3 opens the file as it is. Written under another name and renamed when it is whole.

import { createHash } from 'node:crypto'
import { closeSync, copyFileSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { BrokerError } from '../../ground/errors.ts'
import { isCode } from '../../ground/home.ts'

/** What a backup says of itself. */
export interface BackupContents {
  readonly format: 1
  /** Milliseconds since the epoch */
  readonly createdAtMs: number
  /** Of the home that it was made in. */
  readonly broker: string
  readonly databaseBytes: number
  readonly queues: readonly { readonly name: string; readonly messages: number; readonly deadLetters: number }[]
  /** Damaged places that were found in it when it was made. */
  readonly damaged: number
  /** Other files of the home, text by name. */
  readonly files: Readonly<Record<string, string>>
}

export type Progress = (done: number, total: number) => void

const MAGIC = Buffer.from('callboard backup')
const FOOTER = 32 + 4 + MAGIC.length
const CHUNK = 1024 * 1024
const MAX_CONTENTS = 64 * 1024 * 1024

/**
 * Reserves the name of a backup, so that nobody's file is overwritten; returns where to write it until `publishBackup`.
 * @throws BrokerError `backup.invalid` when there is a file of that name, or none can be made
 */
export function reserveBackup(path: string): string {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    const problem = isCode(error, 'EEXIST') ? 'a file of that name exists; choose another, or remove it' : (error as Error).message
    throw refused(path, problem, error)
  }
  const part = `${path}.part`
  closeSync(openSync(part, 'w', 0o600))
  return part
}

/** Gives the name back, when no backup came of it. */
export function abandonBackup(path: string): void {
  rmSync(`${path}.part`, { force: true })
  rmSync(path, { force: true })
}

/** Adds contents and checksum to the database at `${path}.part`, and gives it its name, on disk for sure. */
export function publishBackup(path: string, contents: Omit<BackupContents, 'format' | 'databaseBytes'>, onProgress: Progress): BackupContents {
  const part = `${path}.part`
  const file = openSync(part, 'r+')
  let whole: BackupContents
  try {
    const databaseBytes = fstatSync(file).size
    whole = { format: 1, ...contents, databaseBytes }
    const json = Buffer.from(JSON.stringify(whole))
    const length = Buffer.alloc(4)
    length.writeUInt32BE(json.length)
    const sum = hashFile(file, databaseBytes, onProgress).update(json).update(length).digest()
    writeSync(file, Buffer.concat([json, sum, length, MAGIC]), 0, undefined, databaseBytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(part, path)
  syncDirectory(dirname(path))
  return whole
}

/**
 * What is in a backup, after all of it was compared with its checksum.
 * @throws BrokerError `backup.invalid` when it is none, or not as it was written
 */
export function checkBackup(path: string, onProgress: Progress): BackupContents {
  const file = openBackup(path)
  try {
    const { size } = fstatSync(file)
    const footer = readBytes(file, size - FOOTER, FOOTER)
    if (footer?.subarray(-MAGIC.length).equals(MAGIC) !== true) throw refused(path, 'it is none, or its end is missing')
    const length = footer.readUInt32BE(32)
    const json = length > MAX_CONTENTS ? undefined : readBytes(file, size - FOOTER - length, length)
    if (json === undefined) throw refused(path, 'it is damaged: its table of contents is longer than it is')
    const sum = hashFile(file, size - FOOTER - length, onProgress).update(json).update(footer.subarray(32, 36)).digest()
    if (!sum.equals(footer.subarray(0, 32))) throw refused(path, 'it is damaged: its bytes are not those that were written (SHA-256)')
    const contents = JSON.parse(json.toString()) as BackupContents
    // The sum fits: it is what some version of us wrote.
    if (contents.format !== 1) throw refused(path, `it has format ${String(contents.format)}, expected 1; restore it with the version that made it, or a newer one`)
    return contents
  } finally {
    closeSync(file)
  }
}

/** Writes the database of a backup that was checked to `to`, which must not exist. */
export function extractDatabase(path: string, { databaseBytes }: BackupContents, to: string): void {
  copyFileSync(path, to, 1)
  const file = openSync(to, 'r+')
  try {
    ftruncateSync(file, databaseBytes)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** New names in a directory are on disk. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

function refused(file: string, problem: string, cause?: unknown): BrokerError {
  return new BrokerError('backup.invalid', { file, problem }, cause === undefined ? undefined : { cause })
}

function openBackup(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw refused(path, (error as Error).message, error)
  }
}

function readBytes(file: number, at: number, length: number): Buffer | undefined {
  const bytes = Buffer.alloc(length)
  return at >= 0 && readSync(file, bytes, 0, length, at) === length ? bytes : undefined
}

function hashFile(file: number, length: number, onProgress: Progress): ReturnType<typeof createHash> {
  const hash = createHash('sha256')
  const chunk = Buffer.alloc(CHUNK)
  for (let at = 0; at < length; ) {
    const got = readSync(file, chunk, 0, Math.min(CHUNK, length - at), at)
    if (got === 0) break
    hash.update(chunk.subarray(0, got))
    at += got
    onProgress(at, length)
  }
  return hash
}
