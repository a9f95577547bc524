// Gives an agent its secrets as files of its own: reads each where the configuration says, and copies it for one start. Logs nothing.

import { chmodSync, chownSync, closeSync, constants, fstatSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../broker/ground/errors.ts'
import { formatMode } from '../broker/ground/home.ts'

/** What must not be shown, and what is shown in its place. */
export interface Mask {
  readonly text: string
  readonly shown: string
}

export interface SecretCopies {
  /** Environment of the agent: `NAME_FILE` is the path of the copy of NAME. */
  readonly environment: Readonly<Record<string, string>>
  /** Absolute paths of the copies. */
  readonly files: readonly string[]
  /** For what the agent prints. */
  readonly masks: readonly Mask[]
  /** Deletes the copies. */
  remove(): void
}

/** Who reads the copies; undefined: the broker's own user. */
export interface SecretReader {
  readonly uid: number
  readonly gid: number
}

const OTHERS = 0o077
const MOST_BYTES = 1024 * 1024
/** Shorter lines are words that stand in any log. */
const SHORTEST_MASKED = 8

/**
 * Copies the secrets of one start of an agent into a directory of their own below `folder`, which is made when it is missing. The copies have mode
 * 0400 and belong to the reader; nobody else can read them, and nobody but the broker can change what stands there.
 * @param secrets name → absolute path
 * @throws BrokerError `agent.secret` when one is missing, is no file, can be read by others, or is empty or above 1 MiB, or a copy cannot be written; nothing is left behind then
 */
export function copySecrets(agent: string, secrets: Readonly<Record<string, string>>, folder: string, reader?: SecretReader): SecretCopies {
  const contents = Object.entries(secrets).map(([name, path]) => ({ name, content: readSecret(agent, name, path) }))
  const directory = copying(agent, Object.keys(secrets), folder, () => {
    mkdirSync(folder, { recursive: true, mode: reader === undefined ? 0o700 : 0o711 })
    return mkdtempSync(join(folder, 'agent-'))
  })
  try {
    // Its owner stays the broker: an agent that could make links here would have the broker delete what they lead to.
    const files = contents.map(({ name, content }) => copying(agent, [name], join(directory, name), () => writeCopy(join(directory, name), content, reader)))
    // It can be passed through then, not listed.
    if (reader !== undefined) chmodSync(directory, 0o711)
    return {
      environment: Object.fromEntries(contents.map(({ name }, i) => [`${name}_FILE`, files[i]!])),
      files,
      // The longest first: one secret may stand in another.
      masks: contents.flatMap(masksOf).toSorted((a, b) => b.text.length - a.text.length),
      remove: () => rmSync(directory, { recursive: true, force: true }),
    }
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

/** Deletes what a killed broker left in `folder`. */
export function removeSecretCopies(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}

function readSecret(agent: string, name: string, path: string): Buffer {
  const problem = (text: string, cause?: unknown): BrokerError => new BrokerError('agent.secret', { agent, secret: name, problem: text }, cause === undefined ? undefined : { cause })
  let file: number
  try {
    // A pipe that nobody writes to must not hold up the broker.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw problem(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, error)
  }
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw problem(`${path} is no file`)
    if ((stats.mode & OTHERS) !== 0) throw problem(`others may read or write ${path} (mode ${formatMode(stats.mode)}); run chmod 600 ${path}`)
    if (stats.size === 0 || stats.size > MOST_BYTES) throw problem(`${path} has ${stats.size} bytes; a secret has 1 to ${MOST_BYTES}`)
    return readFileSync(file)
  } finally {
    closeSync(file)
  }
}

// A full disk, most often: what the system says of a write does not name the file.
function copying<T>(agent: string, secrets: readonly string[], path: string, copy: () => T): T {
  try {
    return copy()
  } catch (error) {
    throw new BrokerError('agent.secret', { agent, secret: secrets.join(', '), problem: `no copy for it can be written at ${path}: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
  }
}

function writeCopy(path: string, content: Buffer, reader: SecretReader | undefined): string {
  writeFileSync(path, content, { mode: 0o400, flag: 'wx' })
  if (reader !== undefined) chownSync(path, reader.uid, reader.gid)
  return path
}

function masksOf({ name, content }: { readonly name: string; readonly content: Buffer }): Mask[] {
  const lines = content.toString().split(/\r?\n/).map(line => line.trim()).filter(line => line.length >= SHORTEST_MASKED)
  return [...new Set(lines)].map(text => ({ text, shown: `[${name}]` }))
}
