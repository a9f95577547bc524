// The map `tls`.

import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import type { ConfNode } from '../conf/node.ts'
import type { TlsOptions } from '../options.ts'
import type { Notes } from './notes.ts'
import { ignored, keyTable, readKeys, refused, refusedIfTrue, sets } from './reading.ts'
import { duration, integer, map, seconds, text, truth, texts } from './values.ts'

const SINCE_TLS_12 = 'TLS 1.2 and later with the ciphers and curves that Node prefers are used'

const table = keyTable<TlsOptions>(
  ['cert_file', sets('certFile', text)],
  ['key_file', sets('keyFile', text)],
  ['ca_file', sets('caFile', text)],
  ['verify', sets('verify', truth)],
  ['timeout', sets('timeoutMs', (node, key, notes) => (node.kind === 'string' ? duration(node, key, notes) : seconds(node, key, notes)))],
  ['handshake_first first immediate', sets('handshakeFirst', handshakeFirst)],
  ['insecure', ignored(truth)],
  ['cipher_suites curve_preferences', ignored(texts, SINCE_TLS_12)],
  ['connection_rate_limit', ignored(integer, 'handshakes are limited by time and by unauthenticated sockets')],
  ['verify_and_map', refusedIfTrue('users are not taken from certificates; use verify, and passwords or nkeys')],
  ['verify_cert_and_check_known_urls', refusedIfTrue('it belongs to clusters')],
  ['pinned_certs', refused('use verify with a CA of your own')],
)

/** @returns undefined when it is no map */
export function tls(node: ConfNode, key: string, notes: Notes): TlsOptions | undefined {
  const entries = map(node, key, notes)
  if (entries === undefined) return undefined
  const options = readKeys<TlsOptions>(entries, table, {}, notes)
  if (options.certFile === undefined && options.keyFile !== undefined) notes.problem(node.at, `${key} has a key_file and no cert_file`)
  else if (options.certFile !== undefined && options.keyFile === undefined) notes.problem(node.at, `${key} has a cert_file and no key_file`)
  else if (options.certFile === undefined) notes.problem(node.at, `${key} has no cert_file and key_file`)
  else {
    const problem = tlsProblem(options)
    if (problem !== undefined) notes.problem(node.at, `${key}: ${problem}`)
  }
  return options
}

// Also `auto` and a delay, after which plain clients are spoken to first.
function handshakeFirst(node: ConfNode, key: string, notes: Notes): boolean | undefined {
  if (node.kind !== 'string') return truth(node, key, notes)
  notes.problem(node.at, `${key} with "${node.value}" is not supported; allowed: true and false`)
  return undefined
}

/** Why no connection can be served with these files; undefined when one can. */
export function tlsProblem({ certFile, keyFile, caFile }: TlsOptions): string | undefined {
  try {
    createSecureContext({ cert: readFileSync(certFile!), key: readFileSync(keyFile!), ...(caFile !== undefined && { ca: readFileSync(caFile) }) })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
