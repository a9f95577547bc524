// Where files lie that serve running agents alone: in the broker's home, and for agents of other users, who may not look into that, in a place
// beside it.
//
//   HOME/run/secrets/agent-x/NAME                                agents that run as the broker's user
//   /run/callboard-<hash of HOME>/secrets/agent-x/NAME           agents of other users; to pass through, not to list
//   /run/callboard-<hash of HOME>/sockets/<uid>.sock             the broker's door for one such user

import { createHash } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../broker/ground/errors.ts'
import { formatMode } from '../broker/ground/home.ts'
import { removeSecretCopies } from './secret-copies.ts'

/** In memory, and root's alone to write. */
const RUN = '/run'
const PASSABLE = 0o711
const GROUP_OR_OTHERS_WRITE = 0o022

/** The folder with the copies of secrets, for agents that run as the broker's user. Whatever is in it when a broker starts is of one that was killed. */
export function secretFolder(home: string): string {
  return join(home, 'run', 'secrets')
}

/** The place for agents of other users; `home` is absolute. */
export function userPlace(home: string): string {
  return join(RUN, `callboard-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`)
}

/** As `secretFolder`, for agents of other users. */
export function userSecretFolder(home: string): string {
  return join(userPlace(home), 'secrets')
}

/** The socket by which agents of a user reach the broker. */
export function userSocket(home: string, uid: number): string {
  return join(userPlace(home), 'sockets', `${uid}.sock`)
}

/**
 * Clears what a killed broker left, and makes the place for agents of other users where there are any. Call it with the home locked, when no agent of
 * that broker runs any more; what it gives removes the place. `isInherited`: agents of the process before this one still run, so nothing is cleared.
 * @throws BrokerError `listener.failed`
 */
export function openRuntimePlaces(home: string, hasOtherUsers: boolean, isInherited = false): () => void {
  if (!isInherited) removeSecretCopies(secretFolder(home))
  if (!hasOtherUsers) return () => {}
  if (!isInherited) removeSecretCopies(userSecretFolder(home))
  prepareUserPlace(home)
  return () => rmSync(userPlace(home), { recursive: true, force: true })
}

/**
 * Makes the place for agents of other users. A socket there that a killed broker left is replaced when the next one listens.
 * @throws BrokerError `listener.failed` when it cannot be made, or is not the broker's alone
 */
function prepareUserPlace(home: string): void {
  const place = userPlace(home)
  try {
    for (const path of [place, join(place, 'sockets'), join(place, 'secrets')]) {
      mkdirSync(path, { recursive: true })
      const { uid, mode } = lstatSync(path)
      if (uid !== process.getuid?.()) throw new Error(`${path} belongs to uid ${uid}; remove it`)
      if ((mode & GROUP_OR_OTHERS_WRITE) !== 0) throw new Error(`others may write to ${path} (mode ${formatMode(mode)}); remove it`)
      // Whatever mask the broker has.
      chmodSync(path, PASSABLE)
    }
  } catch (error) {
    throw new BrokerError('listener.failed', { path: place, problem: error instanceof Error ? error.message : String(error) }, { cause: error })
  }
}
