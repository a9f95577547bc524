// What must hold between several keys. Looks at the text's tree instead of the checked values, so that it finds its
// problems in the same run as the schema finds wrong values; those it passes over.

import { nearest } from '../broker/ground/nearest.ts'
import { defaultBackoff, defaultSettings } from '../broker/ground/settings.ts'
import { isReserved } from '../broker/ground/subject.ts'
import { checkAgent } from './agent-checks.ts'
import { formatDuration, parseDuration } from './duration.ts'
import { resolvePath } from './paths.ts'
import { checkFleet } from './fleet-checks.ts'
import { checkPorts } from './port-checks.ts'
import { checkQueues } from './queue-checks.ts'
import type { ConfigReport } from './report.ts'
import { pathText, shownText, shownValue } from './shown.ts'
import { formatSize, parseSize } from './size.ts'
import { type KeyPath, nodeAt, type SourceNode } from './source.ts'

/** Channels that every broker has; a configuration cannot declare them again. */
export const PREDEFINED_CHANNELS: readonly string[] = ['command', 'events', 'status', 'agent', 'gateway']

/** Programs that `allowedProcesses` may name without a word in `processes`. */
export const KNOWN_PROGRAMS: readonly string[] = ['callboard-cli', 'callboard-gateway', 'openclaw-cli', 'openclaw-gateway']

/** `sun_path` of unix(7) less the zero byte at its end; macOS has four less. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107

/** A message that was read before its publisher was paused must fit above high-water, a quarter of the limit. */
const RESERVE_SHARE = 4

/** Reports what keys contradict each other; `directory` is where relative paths start. */
export function crossCheck(root: SourceNode, directory: string, report: ConfigReport): void {
  checkSockets(root, directory, report)
  checkSingleton(root, report)
  checkBus(root, report)
  checkProcesses(root, report)
  checkReserve(root, ['ipc', 'performance', 'maxMessageSize'], defaultSettings.ipc.performance.maxMessageBytes, report)
  checkReserve(root, ['nats', 'maxPayload'], undefined, report)
  checkNats(root, report)
  checkPorts(root, report)
  checkQueues(root, report)
  checkFleet(root, report)
  for (const block of ['agents', 'agentGroups', 'channels', 'principals', 'fifos']) checkUnique(root, block, 'name', report)
  checkUnique(root, 'principals', 'nkey', report)
  for (const [path, agent] of items(root, 'agents')) {
    checkBackoff(path, agent, report)
    checkAgent(path, agent, report)
  }
  for (const [path, channel] of items(root, 'channels')) checkChannel(path, channel, report)
  const guest = nodeAt(root, ['nats', 'noAuthUser'])?.scalar
  for (const [path, principal] of items(root, 'principals')) checkPrincipal(path, principal, guest, report)
}

function checkSockets(root: SourceNode, directory: string, report: ConfigReport): void {
  const [short, long] = [['ipc', 'socket'], ['ipc', 'server', 'socket']].map(path => ({ path, node: nodeAt(root, path) }))
  const resolved = [short!, long!].map(({ path, node }) => {
    if (typeof node?.scalar !== 'string' || node.scalar === '') return undefined
    const socket = resolvePath(node.scalar, directory)
    const bytes = Buffer.byteLength(socket)
    if (bytes > MAX_SOCKET_PATH_BYTES) report.problem(path, node.offset, `${pathText(path)} has ${bytes} bytes (${shownText(socket)}); allowed: the path of a Unix socket has at most ${MAX_SOCKET_PATH_BYTES}`)
    return socket
  })
  if (resolved[0] === undefined || resolved[1] === undefined || resolved[0] === resolved[1]) return
  report.problem(long!.path, long!.node!.offset, `ipc.server.socket is ${shownText(resolved[1])} and ipc.socket is ${shownText(resolved[0])}; they mean the same: remove one`)
}

function checkSingleton(root: SourceNode, report: ConfigReport): void {
  const path = ['gateway', 'constraints', 'onePerHost']
  const [short, long] = [nodeAt(root, ['gateway', 'singleton']), nodeAt(root, path)]
  if (short === undefined || long === undefined || short.scalar === long.scalar) return
  report.problem(path, long.offset, 'gateway.constraints.onePerHost and gateway.singleton differ; they mean the same: remove one')
}

function checkProcesses(root: SourceNode, report: ConfigReport): void {
  const known = [...(nodeAt(root, ['ipc', 'security', 'processes'])?.members.keys() ?? []), ...KNOWN_PROGRAMS]
  const list: KeyPath = ['ipc', 'security', 'allowedProcesses']
  for (const [key, node] of nodeAt(root, list)?.members ?? []) {
    const name = node.scalar
    if (typeof name !== 'string' || name.includes('/') || known.includes(name)) continue
    const path = [...list, Number(key)]
    const near = nearest(name, known)
    const advice = near === undefined ? `known are ${known.join(', ')}` : `did you mean "${near}"?`
    report.problem(path, node.offset, `${pathText(path)} is ${shownText(name)}, which stands for no program; give it an executable in ipc.security.processes, or write its absolute path; ${advice}`)
  }
}

function checkReserve(root: SourceNode, messagePath: KeyPath, defaultBytes: number | undefined, report: ConfigReport): void {
  const { limits } = defaultSettings.ipc
  const pendingPath = ['ipc', 'limits', 'maxPendingBytes']
  const [message, pending] = [nodeAt(root, messagePath), nodeAt(root, pendingPath)]
  const messageBytes = message === undefined ? defaultBytes : parseSize(message.scalar)
  const pendingBytes = pending === undefined ? limits.maxPendingBytes : parseSize(pending.scalar)
  const given = message ?? pending
  if (messageBytes === undefined || pendingBytes === undefined || given === undefined || pendingBytes >= RESERVE_SHARE * messageBytes) return
  const path = given === message ? messagePath : pendingPath
  report.warning(path, given.offset, `one message of ${pathText(messagePath)} (${formatSize(messageBytes)}) may cost a slow receiver its connection; make ipc.limits.maxPendingBytes (${formatSize(pendingBytes)}) at least ${formatSize(RESERVE_SHARE * messageBytes)}`)
}

function checkNats(root: SourceNode, report: ConfigReport): void {
  const user = nodeAt(root, ['nats', 'noAuthUser'])
  if (typeof user?.scalar === 'string') {
    const names = items(root, 'principals').map(([, principal]) => principal.members.get('name')?.scalar).filter(name => typeof name === 'string')
    const near = nearest(user.scalar, names)
    const advice = near === undefined ? `known are ${names.length === 0 ? 'none' : names.join(', ')}` : `did you mean "${near}"?`
    if (!names.includes(user.scalar)) report.problem(['nats', 'noAuthUser'], user.offset, `nats.noAuthUser is ${shownText(user.scalar)}, which no entry of principals has as its name; ${advice}`)
  }
  for (const path of [['nats', 'tls'], ['nats', 'websocket', 'tls']]) {
    const tls = nodeAt(root, path)
    const [verify, optional, first] = ['verify', 'optional', 'first'].map(key => tls?.members.get(key))
    if (optional?.scalar === true && first?.scalar === true) report.problem([...path, 'optional'], optional.offset, `${pathText(path)} has both optional and first: who does not begin by himself could not be told from who waits for the greeting; remove one`)
    if (verify?.scalar === true && !tls!.members.has('ca')) report.problem([...path, 'verify'], verify.offset, `${pathText(path)}.verify is true, and there is no ${pathText(path)}.ca: anybody with a certificate of a public authority would be let in; name the file of your own`)
  }
}

// A private key proves nothing without its certificate.
function checkBus(root: SourceNode, report: ConfigReport): void {
  const path = ['bus', 'nats', 'tls']
  const tls = nodeAt(root, path)
  for (const [one, other] of [['cert', 'key'], ['key', 'cert']] as const) {
    const given = tls?.members.get(one)
    if (given !== undefined && !tls!.members.has(other)) report.problem([...path, one], given.offset, `${pathText([...path, one])} needs ${pathText([...path, other])} beside it`)
  }
}

function checkUnique(root: SourceNode, block: string, key: string, report: ConfigReport): void {
  const first = new Map<unknown, KeyPath>()
  for (const [path, item] of items(root, block)) {
    const node = item.members.get(key)
    if (typeof node?.scalar !== 'string') continue
    const before = first.get(node.scalar)
    if (before === undefined) first.set(node.scalar, path)
    else report.problem([...path, key], node.offset, `${pathText([...path, key])} is ${shownValue(node, [...path, key])}, and so is ${pathText([...before, key])}; allowed: a${key === 'nkey' ? 'n' : ''} ${key} of its own`)
  }
}

function checkBackoff(path: KeyPath, agent: SourceNode, report: ConfigReport): void {
  const [initial, max] = ['initial', 'max'].map(key => nodeAt(agent, ['backoff', key]))
  const initialMs = initial === undefined ? defaultBackoff.initialMs : parseDuration(initial.scalar)
  const maxMs = max === undefined ? defaultBackoff.maxMs : parseDuration(max.scalar)
  const given = initial ?? max
  if (initialMs === undefined || maxMs === undefined || given === undefined || initialMs <= maxMs) return
  report.problem([...path, 'backoff'], given.offset, `${pathText(path)}.backoff.initial (${formatDuration(initialMs)}) is longer than backoff.max (${formatDuration(maxMs)})`)
}

function checkChannel(path: KeyPath, channel: SourceNode, report: ConfigReport): void {
  const node = channel.members.get('name')
  if (typeof node?.scalar !== 'string') return
  const name = node.scalar
  if (PREDEFINED_CHANNELS.includes(name)) report.problem([...path, 'name'], node.offset, `${pathText(path)}.name is "${name}", a predefined channel; choose another name`)
  if (isReserved(name.split('.'))) report.problem([...path, 'name'], node.offset, `${pathText(path)}.name is ${shownText(name)}; names that begin with $CB, $SYS, $JS or _INBOX are the broker's`)
}

// `guest`: whoever presents nothing is that one, so that it needs nothing to present.
function checkPrincipal(path: KeyPath, principal: SourceNode, guest: unknown, report: ConfigReport): void {
  const text = pathText(path)
  const { members } = principal
  const [name, nkey, token, tokenFile] = ['name', 'nkey', 'token', 'tokenFile'].map(key => members.get(key))
  if (name?.scalar === 'owner') report.problem([...path, 'name'], name.offset, `${text}.name is "owner", who is whoever has the token of the home; choose another name`)
  if (token !== undefined && tokenFile !== undefined) report.problem([...path, 'tokenFile'], tokenFile.keyOffset, `${text} has both token and tokenFile; remove one`)
  if (token === undefined && tokenFile === undefined && nkey === undefined && (guest === undefined || name?.scalar !== guest)) report.problem(path, principal.offset, `${text} has neither token nor tokenFile nor nkey; give it one of them`)
}

/** Members of the list `block` that are maps, with their paths. */
function items(root: SourceNode, block: string): [KeyPath, SourceNode][] {
  const list = root.members.get(block)
  if (list?.kind !== 'list') return []
  return [...list.members].filter(([, item]) => item.kind === 'map').map(([key, item]) => [[block, Number(key)], item])
}
