// What must hold between the keys of queues and of the store. Looks at the text's tree, as cross-checks.ts does.

import { defaultQueue } from '../broker/ground/store-settings.ts'
import { formatDuration, parseDuration } from './duration.ts'
import type { ConfigReport } from './report.ts'
import { pathText } from './shown.ts'
import { type KeyPath, nodeAt, type SourceNode } from './source.ts'

/** Reports what keys of queues contradict each other. */
export function checkQueues(root: SourceNode, report: ConfigReport): void {
  checkRetry(['queue', 'config', 'retryPolicy'], root, report)
  checkKeys(root, report)
  checkJetStream(root, report)
  for (const store of ['nats', 'redis']) checkCertificate(['store', store, 'tls'], root, report)
  checkRedisTls(root, report)
  const isOff = nodeAt(root, ['queue', 'enabled'])?.scalar === false
  for (const [place, channel] of nodeAt(root, ['channels'])?.members ?? []) checkChannel(['channels', Number(place)], channel, isOff, root, report)
}

function checkChannel(path: KeyPath, channel: SourceNode, isOff: boolean, root: SourceNode, report: ConfigReport): void {
  const mode = channel.members.get('mode')
  if (mode?.scalar === 'queue') {
    if (isOff) report.problem([...path, 'mode'], mode.offset, `${pathText(path)}.mode is "queue", and queue.enabled is false; remove one`)
    return checkRetry([...path, 'queue', 'retryPolicy'], root, report)
  }
  for (const key of ['queue', 'deduplication', 'ordering']) {
    const given = channel.members.get(key)
    if (given !== undefined) report.problem([...path, key], given.keyOffset, `${pathText(path)}.${key} is for channels of mode queue, which ${pathText(path)} is not; remove it, or give it mode: queue`)
  }
}

function checkRetry(path: KeyPath, root: SourceNode, report: ConfigReport): void {
  const { retry } = defaultQueue
  const read = (key: string): SourceNode | undefined => nodeAt(root, [...path, key]) ?? nodeAt(root, ['queue', 'config', 'retryPolicy', key])
  const [initial, max] = [read('initialDelay'), read('maxDelay')]
  const initialMs = initial === undefined ? retry.initialDelayMs : parseDuration(initial.scalar)
  const maxMs = max === undefined ? retry.maxDelayMs : parseDuration(max.scalar)
  const given = nodeAt(root, [...path, 'initialDelay']) ?? nodeAt(root, [...path, 'maxDelay'])
  if (initialMs === undefined || maxMs === undefined || given === undefined || initialMs <= maxMs) return
  report.problem(path, given.offset, `${pathText(path)}.initialDelay (${formatDuration(initialMs)}) is longer than maxDelay (${formatDuration(maxMs)})`)
}

function checkKeys(root: SourceNode, report: ConfigReport): void {
  const path: KeyPath = ['store', 'embedded', 'encryption', 'keys']
  for (const [place, key] of nodeAt(root, path)?.members ?? []) {
    if (key.kind !== 'map' || key.members.has('file') !== key.members.has('command')) continue
    const text = pathText([...path, Number(place)])
    report.problem([...path, Number(place)], key.offset, key.members.has('file') ? `${text} has both file and command; remove one` : `${text} has neither file nor command; give it one of them`)
  }
}

// A private key proves nothing without its certificate.
function checkCertificate(path: KeyPath, root: SourceNode, report: ConfigReport): void {
  const tls = nodeAt(root, path)
  for (const [one, other] of [['cert', 'key'], ['key', 'cert']] as const) {
    const given = tls?.members.get(one)
    if (given !== undefined && !tls!.members.has(other)) report.problem([...path, one], given.offset, `${pathText([...path, one])} needs ${pathText([...path, other])} beside it`)
  }
}

// The address alone says whether there is TLS, so that nobody who names certificates is spoken to in clear.
function checkRedisTls(root: SourceNode, report: ConfigReport): void {
  const path = ['store', 'redis', 'tls']
  const tls = nodeAt(root, path)
  if (tls === undefined || String(nodeAt(root, ['store', 'redis', 'url'])?.scalar).startsWith('rediss:')) return
  report.problem(path, tls.keyOffset, `${pathText(path)} is for a server whose store.redis.url begins with rediss://; write that there, or remove ${pathText(path)}`)
}

function checkJetStream(root: SourceNode, report: ConfigReport): void {
  const backend = nodeAt(root, ['queue', 'backend'])
  if (backend?.scalar !== 'nats' || nodeAt(root, ['store', 'nats', 'servers']) !== undefined || nodeAt(root, ['bus', 'nats', 'servers']) !== undefined) return
  report.problem(['queue', 'backend'], backend.offset, 'queue.backend is "nats", and neither store.nats.servers nor bus.nats.servers says where; give one of them')
}
