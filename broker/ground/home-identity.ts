// Which broker this is: an id that stays with the home, and a number that grows with each start.

import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from './errors.ts'
import { isCode, writingHome, type HomePaths } from './home.ts'

export interface HomeIdentity {
  /** 12 characters of a-z 0-9; with incarnation, origin and id it names a message. */
  readonly broker: string
  /** 1 for the first start. */
  readonly incarnation: number
}

/**
 * The identity of a new incarnation. Called by whoever holds the home's lock.
 * @throws BrokerError `home.unusable` when the file is there and is not one, or cannot be written
 */
export function nextIdentity(paths: HomePaths): HomeIdentity {
  const path = join(paths.home, 'broker.json')
  const last = read(path, paths.home)
  const identity: HomeIdentity = { broker: last?.broker ?? randomBytes(6).toString('hex'), incarnation: (last?.incarnation ?? 0) + 1 }
  const draft = `${path}.${process.pid}`
  writingHome(paths, path, () => {
    writeFileSync(draft, `${JSON.stringify(identity)}\n`, { mode: 0o600 })
    renameSync(draft, path)
  })
  return identity
}

function read(path: string, home: string): HomeIdentity | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
  const match = /^\{"broker":"([a-z0-9]{12})","incarnation":(\d{1,15})\}\s*$/.exec(text)
  if (match === null) throw new BrokerError('home.unusable', { home, problem: `${path} is damaged; restore it from a backup, or delete it and ids start anew` })
  return { broker: match[1]!, incarnation: Number(match[2]) }
}
