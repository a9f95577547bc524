// Checks the home directory: who may read and write it, its token, and what a killed broker left.

import { readFileSync, statSync, type Stats } from 'node:fs'
import { findHolder, recordedSocket } from '../../broker/ground/home-lock.ts'
import { formatMode, isCode } from '../../broker/ground/home.ts'
import type { Context } from '../context.ts'
import type { Finding } from './finding.ts'

export async function* checkHome(context: Context): AsyncGenerator<Finding> {
  const { paths } = context
  const home = look(paths.home)
  if (home === undefined) {
    yield { check: 'home', state: 'warn', text: `${paths.home} does not exist yet`, remedy: 'callboard start makes it' }
    return
  }
  if (typeof home === 'string') {
    yield { check: 'home', state: 'fail', text: `${paths.home}: ${home}`, remedy: 'run it as the owner, or choose another home with --home' }
    return
  }
  if (!home.isDirectory()) {
    yield { check: 'home', state: 'fail', text: `${paths.home} is not a directory`, remedy: 'move it away, or choose another home with --home' }
    return
  }
  yield access('home', paths.home, home, 0o700)
  yield token(paths.token)
  const holder = await findHolder(paths)
  const isFileThere = look(paths.pid) !== undefined
  if (holder !== undefined) yield { check: 'pid', state: 'ok', text: `held by process ${holder.pid === 0 ? 'unknown' : holder.pid}` }
  else if (isFileThere) yield { check: 'pid', state: 'warn', text: 'the broker of the pid file is gone without a farewell: it was killed, or the machine went down', remedy: 'nothing to clean up, callboard start takes over; callboard logs shows the end' }
  else yield { check: 'pid', state: 'ok', text: 'nobody holds the home' }
  yield* socket(recordedSocket(paths), holder !== undefined)
}

function* socket(path: string, isHeld: boolean): Generator<Finding> {
  const stats = look(path)
  if (stats === undefined) {
    if (isHeld) yield { check: 'socket', state: 'fail', text: `the broker runs, but ${path} is gone: somebody deleted it`, remedy: 'callboard restart' }
    else yield { check: 'socket', state: 'ok', text: 'none while the broker is down' }
  } else if (typeof stats === 'string') yield { check: 'socket', state: 'fail', text: `${path}: ${stats}`, remedy: 'run it as the user who started the broker' }
  else if (!stats.isSocket()) yield { check: 'socket', state: 'fail', text: `${path} is no socket`, remedy: `move it away: mv ${path} ${path}.old` }
  else if (!isHeld) yield { check: 'socket', state: 'warn', text: `${path} is left from a broker that is gone`, remedy: 'nothing to clean up, callboard start replaces it' }
  else yield access('socket', path, stats, 0o600)
}

function token(path: string): Finding {
  const stats = look(path)
  if (stats === undefined) return { check: 'token', state: 'warn', text: 'there is no token yet', remedy: 'the first callboard start makes it' }
  if (typeof stats === 'string') return { check: 'token', state: 'fail', text: `${path}: ${stats}`, remedy: 'run it as the owner of the home' }
  try {
    if (readFileSync(path, 'utf8').trim() === '') return { check: 'token', state: 'fail', text: `${path} is empty`, remedy: `rm ${path}, then callboard restart: a new one is made` }
  } catch (error) {
    return { check: 'token', state: 'fail', text: `${path}: ${problemOf(error)}`, remedy: 'run it as the owner of the home' }
  }
  const found = access('token', path, stats, 0o600)
  return found.state === 'ok' ? found : { ...found, remedy: `${found.remedy}; who could read it may know it: rm ${path} and callboard restart make a new one` }
}

/** Judges owner and mode: nobody else may do anything with it. */
function access(check: string, path: string, stats: Stats, mode: number): Finding {
  const uid = process.getuid?.()
  const others = stats.mode & 0o077
  if (uid !== undefined && stats.uid !== uid && uid !== 0) return { check, state: 'fail', text: `${path} belongs to uid ${stats.uid}, you are ${uid}`, remedy: `run it as that user, or: sudo chown -R ${uid} ${path}` }
  if (others === 0 || uid === undefined) return { check, state: 'ok', text: `${path} (mode ${formatMode(stats.mode)})` }
  return { check, state: (others & 0o022) === 0 && check === 'home' ? 'warn' : 'fail', text: `${path} is open to others (mode ${formatMode(stats.mode)})`, remedy: `chmod ${mode.toString(8)} ${path}` }
}

function look(path: string): Stats | string | undefined {
  try {
    return statSync(path)
  } catch (error) {
    return isCode(error, 'ENOENT') ? undefined : problemOf(error)
  }
}

function problemOf(error: unknown): string {
  if (isCode(error, 'ENOTDIR')) return 'a part of the path is not a directory'
  return isCode(error, 'EACCES') ? 'no permission to look at it' : error instanceof Error ? error.message : String(error)
}
