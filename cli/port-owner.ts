// Says which process listens on a TCP port of this host, as far as /proc tells. Linux; elsewhere nothing is known.

import { readFile, readdir, readlink } from 'node:fs/promises'

export interface PortOwner {
  /** undefined: of another user, or gone meanwhile. */
  readonly pid: number | undefined
  /** Its command line, cut short. */
  readonly command: string | undefined
}

const LISTENING = '0A'
const MAX_COMMAND_CHARACTERS = 80

/** Who listens on `port`, on any address; undefined when nobody does, or when this cannot be seen here. */
export async function portOwner(port: number): Promise<PortOwner | undefined> {
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(path => readFile(path, 'utf8').catch(() => '')))
  const inodes = tables.flatMap(table => listeningInodes(table, port))
  if (inodes.length === 0) return undefined
  const pid = await holderOf(new Set(inodes.map(inode => `socket:[${inode}]`)))
  return { pid, command: pid === undefined ? undefined : await commandOf(pid) }
}

/** Inodes of the sockets that listen on `port`, from the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): string[] {
  const found: string[] = []
  // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    if (state === LISTENING && inode !== undefined && Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16) === port) found.push(inode)
  }
  return found
}

async function holderOf(sockets: ReadonlySet<string>): Promise<number | undefined> {
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue
    // Of another user, or gone since.
    const files = await readdir(`/proc/${name}/fd`).catch(() => [])
    for (const file of files) {
      const target = await readlink(`/proc/${name}/fd/${file}`).catch(() => '')
      if (sockets.has(target)) return Number(name)
    }
  }
  return undefined
}

async function commandOf(pid: number): Promise<string | undefined> {
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
  const text = words.split('\0').join(' ').trim()
  if (text === '') return undefined
  return text.length > MAX_COMMAND_CHARACTERS ? `${text.slice(0, MAX_COMMAND_CHARACTERS)}…` : text
}
