// Finds a user of the system by name or number: who he is, his main group and his home. Changes nothing.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface UnixUser {
  /** undefined: a number that nobody has as a name; such a user is in no group but `gid`. */
  readonly name: string | undefined
  readonly uid: number
  readonly gid: number
  readonly home: string
}

type Database = 'passwd' | 'group'

/** Highest number that stands for somebody: 2^32-1 means nobody, and 2^32-2 is left to the kernel. */
const HIGHEST = 2 ** 32 - 3
const LOOK_UP_MS = 5000

/**
 * @param group instead of his main group
 * @throws Error in words: there is no such user or group
 */
export function findUser(user: string, group: string | undefined): UnixUser {
  const entry = findEntry('passwd', user)
  const gid = group === undefined ? undefined : findGroup(group)
  if (entry !== undefined) return { name: entry[0], uid: Number(entry[2]), gid: gid ?? Number(entry[3]), home: entry[5] || '/' }
  const uid = numberOf(user)
  if (uid === undefined) throw new Error(`there is no user "${user}" on this machine`)
  if (gid === undefined) throw new Error(`nobody on this machine has the number ${user}, so it has no main group; name one with group`)
  return { name: undefined, uid, gid, home: '/' }
}

function findGroup(group: string): number {
  const gid = findEntry('group', group)?.[2] ?? numberOf(group)
  if (gid === undefined) throw new Error(`there is no group "${group}" on this machine`)
  return Number(gid)
}

/** Fields of passwd(5) or group(5), by the name in the first or the number in the third. */
function findEntry(database: Database, key: string): string[] | undefined {
  const lines = readFileSync(`/etc/${database}`, 'utf8').split('\n').map(line => line.split(':'))
  const isMeant = (fields: readonly string[]): boolean => fields[0] === key || (numberOf(key) !== undefined && fields[2] === key)
  return lines.find(isMeant) ?? lookUp(database, key)
}

// Users of a directory service stand in no file.
function lookUp(database: Database, key: string): string[] | undefined {
  try {
    const [line = ''] = execFileSync('/usr/bin/getent', [database, '--', key], { encoding: 'utf8', timeout: LOOK_UP_MS, stdio: ['ignore', 'pipe', 'ignore'], env: {} }).split('\n')
    return line === '' ? undefined : line.split(':')
  } catch {
    return undefined
  }
}

function numberOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= HIGHEST ? Number(text) : undefined
}
