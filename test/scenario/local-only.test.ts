// Local only: with every way in turned on and no address named, nothing listens that another host could reach.

import { readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { startBrokerProcess } from '../support/broker.ts'

/** What a process listens on by TCP: the addresses as the kernel's tables have them, hexadecimal and in the machine's order of bytes. */
function listening(pid: number): string[] {
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map(fd => linkOf(join(`/proc/${pid}/fd`, fd))))
  return ['tcp', 'tcp6'].flatMap(table =>
    readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n').slice(1).flatMap(line => {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
      return state === '0A' && sockets.has(`socket:[${inode}]`) ? [local!.split(':')[0]!] : []
    }),
  )
}

// What is closed meanwhile was no listener: those stay.
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

const LOOPBACK = Buffer.from([127, 0, 0, 1]).readUInt32LE().toString(16).toUpperCase().padStart(8, '0')

test('local only: no port is open to other hosts unless an address is named', async t => {
  const { pid } = await startBrokerProcess(t, { config: { gateway: { port: 0 }, nats: { port: 0, monitor: { port: 0 }, websocket: { port: 0 } }, grpc: { port: 0 } } })
  t.deepEqual(listening(pid), Array<string>(5).fill(LOOPBACK))
})

test('local only: an address that is named is used, and the look at it is not blind', async t => {
  const { pid } = await startBrokerProcess(t, { config: { gateway: { port: 0, host: '0.0.0.0' }, nats: false } })
  t.deepEqual(listening(pid), ['00000000'])
})
