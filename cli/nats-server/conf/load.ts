// Reads a configuration in nats-server's format from its file, with the files it includes and the variables of the environment.

import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ConfigError } from '../../../config/error.ts'
import type { ConfMap, Place } from './node.ts'
import { parseConf, type ConfContext } from './parser.ts'
import { confError } from './source.ts'

/** Deepest chain of files that include one another: more is a circle. */
const MAX_INCLUDES = 10
/** Largest file. bytes */
const MAX_FILE_BYTES = 4 * 1024 * 1024

/**
 * The entries of the file. Includes are looked up from the directory of the file that names them, as nats-server does:
 * also paths that begin with a slash.
 * @throws ConfigError when a file cannot be read or makes no sense
 */
export function loadConf(file: string, environment: Readonly<Record<string, string | undefined>> = process.env): ConfMap {
  return loadFile(file, environment, undefined, 0)
}

function loadFile(file: string, environment: Readonly<Record<string, string | undefined>>, from: Place | undefined, depth: number): ConfMap {
  const context: ConfContext = {
    variable: (name) => environment[name],
    include(path, at) {
      if (depth === MAX_INCLUDES) throw confError(at, `more than ${MAX_INCLUDES} files include one another; is "${path}" in a circle?`)
      return loadFile(join(dirname(file), path), environment, at, depth + 1)
    },
  }
  return parseConf(readText(file, from), file, context)
}

function readText(file: string, from: Place | undefined): string {
  try {
    // Looked at first: to open a pipe would wait for whoever writes to it.
    const status = statSync(file)
    if (!status.isFile()) throw problem(file, from, 'is not a regular file')
    if (status.size > MAX_FILE_BYTES) throw problem(file, from, `has ${status.size.toLocaleString('en-US')} bytes; is this the configuration?`)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw problem(file, from, code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'cannot be read; check its mode and owner' : `cannot be read: ${String(error)}`, error)
  }
}

function problem(file: string, from: Place | undefined, text: string, cause?: unknown): ConfigError {
  if (from !== undefined) return confError(from, `the included file ${file} ${text}`)
  return new ConfigError([{ file, at: undefined, key: '', text }], { cause })
}
