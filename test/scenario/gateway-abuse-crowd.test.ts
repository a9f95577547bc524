// Crowds at the gateway that never say who they are, and those who take all the time in the world: limits hold, per address and in
// all, and whoever is in already, or comes another way, notices nothing.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { heard, nonceOf, say, Siege } from '../support/siege.ts'
import { until } from '../support/until.ts'
import { clientFrame, TEXT } from '../support/websocket-frames.ts'
import { withHandshakeTime } from '../support/with-more-time.ts'

/** The default limits: of one address, of all. */
const PER_ADDRESS = 64
const IN_ALL = 1024
/** For crowds that must still be there when the last of them has come, however busy the machine is. */
const PATIENT = { ipc: { limits: { handshakeTimeout: '5m' } } }
const LIMIT_MS = 3000

interface Crowd {
  readonly sockets: readonly Socket[]
  /** What each was told before it was cut, status lines of HTTP. */
  readonly told: Map<string, number>
  leave(): Promise<void>
}

/** So many sockets from an address, each of which says `first`. */
async function gather(siege: Siege, count: number, address: string, first: string): Promise<Crowd> {
  const told = new Map<string, number>()
  const sockets: Socket[] = []
  for (let i = 0; i < count; i += 100) {
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(100, count - i) }, async () => {
      const socket = await siege.socket(address)
      socket.once('data', (chunk: Buffer) => {
        const status = chunk.toString('latin1').split('\r\n')[0]!
        told.set(status, (told.get(status) ?? 0) + 1)
      })
      socket.on('end', () => socket.end())
      socket.write(first)
      return socket
    }))))
  }
  const leave = async (): Promise<void> => {
    await Promise.all(sockets.map(async socket => {
      if (socket.closed) return
      const closed = once(socket, 'close')
      socket.destroy()
      await closed
    }))
  }
  return { sockets, told, leave }
}

const open = ({ sockets }: Crowd): number => sockets.filter(socket => !socket.destroyed && !socket.readableEnded).length

/** Resolves when the broker has seen that those who left have left. */
async function untilRoom(siege: Siege): Promise<void> {
  await until(async () => {
    try {
      ;(await siege.guest()).socket.destroy()
      return true
    } catch {
      return false
    }
  })
}

test('gateway abuse: thousands of silent sockets of one address are held to its limit; who is in stays, other ways stay open', async t => {
  const siege = await Siege.begin(t, PATIENT)
  const guest = await siege.guest({ deviceId: 'early' })
  const crowd = await gather(siege, 2000, '127.0.0.1', 'G')
  await until(() => open(crowd) <= PER_ADDRESS)
  t.is(open(crowd), PER_ADDRESS)
  t.deepEqual([...crowd.told.keys()], ['HTTP/1.1 429 Too Many Requests'])
  say(guest, { type: 'req', id: 1, method: 'ping' })
  t.like(await heard(guest), { id: 1, ok: true })
  t.is((await siege.bystander.request('mirror', 1)).value, 1)
  // The machine itself has no privilege, and another of its addresses no disadvantage.
  const other = await siege.socket('127.0.0.2')
  other.write(siege.request())
  const [answer] = (await once(other, 'data')) as [Buffer]
  t.regex(answer.toString('latin1'), /^HTTP\/1\.1 101 /)
  other.destroy()
  await crowd.leave()
  await untilRoom(siege)
  await siege.holds()
})

test('gateway abuse: crowds of many addresses are held to the limit of all; upgraded and silent counts like silent', async t => {
  const siege = await Siege.begin(t, PATIENT)
  const guest = await siege.guest()
  const crowds: Crowd[] = []
  // Half of them upgrade, and then say nothing.
  for (let address = 2; address < 22; address++) crowds.push(await gather(siege, 100, `127.0.0.${address}`, address % 2 === 0 ? 'GET / HT' : siege.request()))
  const all = (): number => crowds.reduce((sum, crowd) => sum + open(crowd), 0)
  await until(() => all() <= IN_ALL)
  t.is(all(), IN_ALL)
  t.true(crowds.some(({ told }) => told.has('HTTP/1.1 503 Service Unavailable')))
  say(guest, { type: 'req', id: 1, method: 'ping' })
  t.like(await heard(guest), { id: 1, ok: true })
  t.is((await siege.bystander.request('mirror', 1)).value, 1)
  for (const crowd of crowds) await crowd.leave()
  await untilRoom(siege)
  await siege.holds()
})

test('gateway abuse: who trickles a request or a handshake is cut when the time is up, not when the bytes are', async t => {
  t.true(await withHandshakeTime(LIMIT_MS, limitMs => trickle(t, limitMs)))
})

async function trickle(t: ExecutionContext, limitMs: number): Promise<void> {
  const siege = await Siege.begin(t, { ipc: { limits: { handshakeTimeout: `${limitMs}ms` } } })
  const frame = clientFrame({ opcode: TEXT, payload: JSON.stringify({ type: 'connect', params: { auth: { token: 'x'.repeat(500) } } }) })
  const trickles: [what: string, begin: () => Promise<Socket>, bytes: Uint8Array, everyMs: number][] = [
    ['a request', () => siege.socket(), Buffer.from(`GET / HTTP/1.1\r\nHost: ${siege.host}\r\nX: ${'a'.repeat(9000)}`), 20],
    ['nothing but line ends', () => siege.socket(), Buffer.alloc(9000, '\r\n'), 20],
    ['nothing', () => siege.socket(), new Uint8Array(), 1000],
    ['half of a first message', async () => (await siege.open()).socket, frame, 20],
    ['pings and no message', async () => (await siege.open()).socket, Buffer.concat(Array.from({ length: 300 }, () => clientFrame({ opcode: 9 }))), 12],
    ['empty fragments', async () => (await siege.open()).socket, Buffer.concat([clientFrame({ opcode: TEXT, fin: false }), ...Array.from({ length: 300 }, () => clientFrame({ opcode: 0, fin: false }))]), 12],
  ]
  const late = await Promise.all(trickles.map(async ([what, begin, bytes, everyMs]) => {
    const startedMs = performance.now()
    const socket = await begin()
    socket.resume()
    // Not `once`: a drop that meets the closed end is an error of the socket, and no answer.
    const ended = new Promise<unknown>(resolve => socket.on('end', resolve).on('close', resolve))
    let at = 0
    const drip = setInterval(() => {
      if (at < bytes.length && socket.writable) socket.write(bytes.subarray(at, ++at))
    }, (everyMs * limitMs) / LIMIT_MS)
    t.teardown(() => clearInterval(drip))
    await ended
    clearInterval(drip)
    const tookMs = performance.now() - startedMs
    t.true(tookMs >= limitMs * 0.95, `${what}: cut after ${tookMs} ms`)
    // An end, and a second of grace for it; the rest is the machine being busy, of which more time tells.
    if (tookMs >= limitMs * 2 + 2000) return `handshake.timeout: ${what}: only cut after ${tookMs} ms`
    t.true(at < bytes.length || bytes.length === 0, `${what}: all of it was waited for`)
    return undefined
  }))
  const problem = late.find(each => each !== undefined)
  if (problem !== undefined) throw new Error(problem)
  await siege.holds()
}

test('gateway abuse: a guest who stops in the middle of a frame holds nobody up and keeps no more than he sent', async t => {
  const siege = await Siege.begin(t)
  const halves = await Promise.all(Array.from({ length: 50 }, () => siege.guest()))
  for (const peer of halves) {
    const message = JSON.stringify({ type: 'event', subject: 'half', payload: 'x'.repeat(900_000) })
    peer.write(clientFrame({ opcode: TEXT, payload: message }).subarray(0, 2000))
  }
  await siege.holds(32)
  for (const peer of halves) t.false(peer.socket.closed)
})

test('gateway abuse: handshakes that are begun and broken off leave nothing behind', async t => {
  const siege = await Siege.begin(t, PATIENT)
  await siege.holds()
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 40 }, async (_, i) => {
      const socket = await siege.socket(`127.0.1.${1 + (i % 8)}`)
      const request = siege.request()
      socket.write(request.slice(0, (i * 37) % request.length))
      if (i % 3 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }))
  }
  const peer = await siege.open()
  await nonceOf(peer)
  await siege.holds()
  // All places are free again.
  const crowd = await gather(siege, PER_ADDRESS - 1, '127.0.0.1', siege.request())
  await until(() => crowd.told.get('HTTP/1.1 101 Switching Protocols') === PER_ADDRESS - 1)
  await crowd.leave()
})
