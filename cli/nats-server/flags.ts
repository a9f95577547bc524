// The command line of nats-server, as Go's flag package reads it: `-p 4222`, `--port=4222`, `-DV`, `-T=false`. Flags are
// words, not bundles of letters: `-DV` is a flag of its own.

import { Failure } from '../failure.ts'

/** What was asked for, beside options: only one of them is done. */
export interface Flags {
  readonly values: ReadonlyMap<FlagName, string | number | boolean>
  /** What stands behind the flags. */
  readonly words: readonly string[]
}

type Kind = 'truth' | 'integer' | 'text'

// First name of each row is the one under which it is found.
const rows = [
  ['help', 'truth', 'h'],
  ['version', 'truth', 'v'],
  ['help_tls', 'truth'],
  ['config', 'text', 'c'],
  ['check', 'truth', 't'],
  ['signal', 'text', 'sl'],
  ['addr', 'text', 'a', 'net'],
  ['port', 'integer', 'p'],
  ['name', 'text', 'n', 'server_name'],
  ['pid', 'text', 'P'],
  ['http_port', 'integer', 'm'],
  ['https_port', 'integer', 'ms'],
  ['ports_file_dir', 'text'],
  ['client_advertise', 'text'],
  ['debug', 'truth', 'D'],
  ['trace', 'truth', 'V'],
  ['VV', 'truth'],
  ['DV', 'truth'],
  ['DVV', 'truth'],
  ['logtime', 'truth', 'T'],
  ['log', 'text', 'l'],
  ['log_size_limit', 'integer'],
  ['syslog', 'truth', 's'],
  ['remote_syslog', 'text', 'r'],
  ['max_traced_msg_len', 'integer'],
  ['user', 'text'],
  ['pass', 'text'],
  ['auth', 'text'],
  ['tls', 'truth'],
  ['tlsverify', 'truth'],
  ['tlscert', 'text'],
  ['tlskey', 'text'],
  ['tlscacert', 'text'],
  ['jetstream', 'truth', 'js'],
  ['store_dir', 'text', 'sd'],
  ['routes', 'text'],
  ['cluster', 'text', 'cluster_listen'],
  ['cluster_name', 'text'],
  ['cluster_advertise', 'text'],
  ['no_advertise', 'truth'],
  ['connect_retries', 'integer'],
  ['profile', 'integer'],
  // Of Callboard's own.
  ['home', 'text'],
] as const satisfies readonly (readonly [string, Kind, ...string[]])[]

export type FlagName = (typeof rows)[number][0]

const known = new Map<string, { name: FlagName; kind: Kind }>(
  rows.flatMap(([name, kind, ...others]) => [...(name === 'check' ? [] : [name]), ...others].map((spelling) => [spelling, { name, kind }] as const)),
)

const truths: Readonly<Record<string, boolean>> = { 1: true, t: true, T: true, true: true, TRUE: true, True: true, 0: false, f: false, F: false, false: false, FALSE: false, False: false }

/**
 * Reads flags up to the first word that is none, or `--`.
 * @throws Failure (usage) in the words of Go's flag package
 */
export function parseFlags(given: readonly string[]): Flags {
  const values = new Map<FlagName, string | number | boolean>()
  let i = 0
  for (; i < given.length; i++) {
    const word = given[i]!
    if (word === '--') return { values, words: given.slice(i + 1) }
    const [, spelling, assigned] = /^--?([^=]*)(?:=([^]*))?$/.exec(word) ?? []
    if (spelling === undefined || word === '-') break
    if (spelling === '' || spelling.startsWith('-')) throw Failure.usage(`bad flag syntax: ${word}`)
    const flag = known.get(spelling)
    if (flag === undefined) throw Failure.usage(`flag provided but not defined: -${spelling}`)
    if (flag.kind === 'truth') {
      values.set(flag.name, truth(spelling, assigned))
      continue
    }
    const text = assigned ?? given[++i]
    if (text === undefined) throw Failure.usage(`flag needs an argument: -${spelling}`)
    values.set(flag.name, flag.kind === 'integer' ? integer(spelling, text) : text)
  }
  return { values, words: given.slice(i) }
}

function truth(spelling: string, text = 'true'): boolean {
  const value = truths[text]
  if (value === undefined) throw Failure.usage(`invalid boolean value "${text}" for -${spelling}: parse error`)
  return value
}

function integer(spelling: string, text: string): number {
  const value = /^[+-]?(?:0x[\da-f]+|\d+)$/i.test(text) ? Number(text.replace(/^[+-]/, '')) * (text.startsWith('-') ? -1 : 1) : Number.NaN
  if (!Number.isSafeInteger(value)) throw Failure.usage(`invalid value "${text}" for flag -${spelling}: parse error`)
  return value
}
