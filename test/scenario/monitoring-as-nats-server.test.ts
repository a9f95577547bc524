// The same clients on a real nats-server and on Callboard: the monitoring endpoints of both have the same fields of the same
// types, and tell the same of the clients.

import { connect } from 'node:net'
import { startBroker } from '../support/broker.ts'
import { httpGet } from '../support/http-get.ts'
import { connectNats } from '../support/nats-client.ts'
import { NatsPeer } from '../support/nats-peer.ts'
import { natsTest, startNatsServer } from '../support/nats-server.ts'
import type { Teardown } from '../support/temporary-directory.ts'
import { until } from '../support/until.ts'

const PAGES = ['varz', 'connz?subs=detail&auth=1', 'connz?subs=1', 'connz', 'connz?state=closed', 'connz?state=any&sort=msgs_to', 'connz?cid=99999', 'subsz', 'subsz?subs=1&acc=$G&test=shape.a', 'accountz', 'accountz?acc=$G', 'accstatz', 'routez', 'gatewayz', 'leafz', 'jsz', 'healthz'] as const
type Page = (typeof PAGES)[number]

/** What only one of the two has, and why. */
const ONLY_CALLBOARD = new Set([
  'varz.callboard: string', // its version
  'varz.max_subscriptions: number', // nats-server has no limit unless it is configured
  // On the gateway's port.
  'varz.websocket.host: string',
  'varz.websocket.port: number',
])
// Subscriptions of nats-server's own account stand there.
const ONLY_NATS = new Set(['account', 'invalid', 'share', 'subject', 'to', 'tracking', 'type'].map(field => `accountz?acc=$G.account_detail.imports[].${field}`))

/** Every field by its path, with its type; entries of a list are one. */
function shape(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap(entry => shape(entry, `${path}[]`))
  // Counted by path: which were asked for differs.
  if (typeof value !== 'object' || value === null || path.endsWith('http_req_stats')) return [`${path}: ${value === null ? 'null' : typeof value}`]
  return Object.entries(value).flatMap(([key, member]) => shape(member, `${path}.${key}`))
}

interface Server {
  readonly nats: string
  readonly http: string
  readonly login: { readonly user: string; readonly pass: string }
}

async function callboard(t: Teardown): Promise<Server> {
  const broker = await startBroker(t)
  return { nats: broker.nats, http: broker.gateway.replace('ws:', 'http:'), login: { user: 'owner', pass: broker.token } }
}

async function natsServer(t: Teardown): Promise<Server> {
  const server = await startNatsServer(t, { config: { authorization: { users: [{ user: 'owner', password: 'a-password' }] } } })
  return { nats: server.url, http: server.monitorUrl, login: { user: 'owner', pass: 'a-password' } }
}

const INBOX = '_INBOX.shape'

async function page({ http }: Server, name: string): Promise<Record<string, unknown>> {
  return (await httpGet(`${http}${name}`)).json() as Record<string, unknown>
}

/** The traffic that both see; what their pages say then. */
async function pagesOf(t: Teardown, server: Server): Promise<ReadonlyMap<Page, Record<string, unknown>>> {
  const { nats, login } = server
  const get = (name: string): Promise<Record<string, unknown>> => page(server, name)
  const receiver = await connectNats(t, nats, { ...login, name: 'receiver' })
  receiver.subscribe('shape.*', { callback() {} })
  receiver.subscribe('shape.>', { queue: 'workers', callback() {} })
  receiver.subscribe('shape.few', { max: 10, callback() {} })
  await receiver.flush()
  const leaver = await connectNats(t, nats, { ...login, name: 'leaver' })
  for (let i = 0; i < 3; i++) leaver.publish('shape.few', 'x'.repeat(10))
  leaver.publish(INBOX, 'nobody')
  await leaver.flush()
  await leaver.close()
  await until(async () => named(await get('connz?state=closed')).length === 1)
  await until(async () => named(await get('connz'))[0]!['rtt'] !== '0s')
  return new Map(await Promise.all(PAGES.map(async (page): Promise<[Page, Record<string, unknown>]> => [page, await get(page)])))
}

/** The connections of clients that said who they are; not those by which a test sees that a server is up. */
function named(page: Record<string, unknown>): Record<string, unknown>[] {
  return (page['connections'] as Record<string, unknown>[]).filter(({ name }) => name !== undefined)
}

natsTest('monitoring beside nats-server: every page has the same fields of the same types', async t => {
  const [theirs, ours] = await Promise.all([natsServer(t), callboard(t)].map(async server => pagesOf(t, await server)))
  for (const page of PAGES) {
    const [expected, actual] = [theirs, ours].map(pages => new Set(shape(pages!.get(page), page)))
    t.deepEqual([...actual!].filter(field => !expected!.has(field) && !ONLY_CALLBOARD.has(field)), [], `${page}: nats-server does not have`)
    t.deepEqual([...expected!].filter(field => !actual!.has(field) && !ONLY_NATS.has(field.replace(/: .*/, ''))), [], `${page}: Callboard does not have`)
  }
})

/** What a connection's entry says but for addresses, times and bytes. */
function told(connection: Record<string, unknown>): object {
  const { kind, type, name, lang, version, in_msgs: received, out_msgs: sent, subscriptions, subscriptions_list_detail: details, authorized_user: user, reason } = connection
  return { kind, type, name, lang, version, received, sent, subscriptions, details: (details as { sid: string; cid: number }[] | undefined)?.toSorted((a, b) => Number(a.sid) - Number(b.sid)).map(({ cid: _, ...detail }) => detail), user, reason }
}

natsTest('monitoring beside nats-server: both tell the same of the same clients', async t => {
  const [theirs, ours] = await Promise.all([natsServer(t), callboard(t)].map(async server => pagesOf(t, await server)))
  for (const page of ['connz?subs=detail&auth=1', 'connz?state=closed'] as const) {
    const [expected, actual] = [theirs, ours].map(pages => named(pages!.get(page)!).map(told))
    t.deepEqual(actual, expected)
  }
  const sums = (pages: ReadonlyMap<Page, Record<string, unknown>>): object => {
    const { in_msgs: received, out_msgs: sent, connections, slow_consumers: slow, max_payload: payload, max_control_line: line, proto, version } = pages.get('varz')!
    return { received, sent, connections, slow, payload, line, proto, version }
  }
  t.deepEqual(sums(ours!), sums(theirs!))
})

/** What a client says that is ended for it, or leaves, and under which name it is found among the closed. */
function endings({ user, pass }: Server['login']): Readonly<Record<string, string>> {
  const hello = (name: string): string => `CONNECT ${JSON.stringify({ verbose: false, user, pass, name, lang: 'raw' })}\r\n`
  return {
    unknown: `${hello('unknown')}NONSENSE\r\n`,
    payload: `${hello('payload')}PUB a 99999999\r\n`,
    line: `${hello('line')}PUB ${'a'.repeat(5000)} 2\r\n`,
    password: `CONNECT ${JSON.stringify({ verbose: false, user, pass: 'wrong', name: 'password' })}\r\n`,
  }
}

/** Callboard believes no name of a client that it did not let in. */
const UNNAMED: Readonly<Record<string, string>> = { 'Authentication Failure': 'password' }

async function reasonsOf(t: Teardown, server: Server): Promise<object> {
  const { nats, login } = server
  const { hostname, port } = new URL(nats)
  for (const text of Object.values(endings(login))) {
    const socket = connect(Number(port), hostname)
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    socket.write(text)
    // It is told why, and then the other end closes.
    socket.resume()
    await new Promise(resolve => socket.once('close', resolve))
  }
  // One that has read all that came: else its end is a reset, and another reason.
  const leaver = await NatsPeer.open(t, nats)
  leaver.say(`CONNECT ${JSON.stringify({ verbose: false, ...login, name: 'leaver' })}\r\n`)
  await leaver.ping()
  leaver.socket.end()
  const reasons = async (): Promise<Record<string, unknown>> => {
    const { connections } = (await page(server, 'connz?state=closed')) as { connections: { name?: string; reason: string }[] }
    return Object.fromEntries(connections.map(({ name, reason }) => [name ?? UNNAMED[reason] ?? 'none', reason] as const))
  }
  await until(async () => (await reasons())['leaver'] !== undefined)
  const { none, ...rest } = await reasons()
  return rest
}

natsTest('monitoring beside nats-server: both say why a connection ended in the same words', async t => {
  const [theirs, ours] = await Promise.all([natsServer(t), callboard(t)].map(async server => reasonsOf(t, await server)))
  t.deepEqual(ours, theirs)
})
