// No port for two: says which keys name the same one. Knows neither what else on this machine has a port, nor whether it may be had.

import { defaultGrpc, defaultSettings } from '../broker/ground/settings.ts'
import type { ConfigReport } from './report.ts'
import { pathText } from './shown.ts'
import { type KeyPath, nodeAt, type SourceNode } from './source.ts'

interface Place {
  readonly path: KeyPath
  /** Offset of what the operator wrote; undefined: it is the default. */
  readonly offset: number | undefined
  readonly host: string
  readonly port: number
}

const EVERYWHERE = ['0.0.0.0', '::']

/** Reports ports that two listeners of this broker would ask for at one address. */
export function checkPorts(root: SourceNode, report: ConfigReport): void {
  const { gateway, nats } = defaultSettings
  const isOn = (block: string): boolean => nodeAt(root, [block])?.scalar !== false && nodeAt(root, [block, 'enabled'])?.scalar !== false
  const places = [
    ...(isOn('gateway') ? [placeOf(root, ['gateway'], gateway)] : []),
    ...(nodeAt(root, ['grpc'])?.kind === 'map' && nodeAt(root, ['grpc', 'tcp'])?.scalar !== false ? [placeOf(root, ['grpc'], defaultGrpc)] : []),
    ...(isOn('nats') ? [placeOf(root, ['nats'], nats), placeOf(root, ['nats', 'monitor'], nats.host), placeOf(root, ['nats', 'websocket'], nats.host)] : []),
  ].filter(place => place !== undefined)
  for (const [i, place] of places.entries()) {
    const before = places.slice(0, i).find(other => other.port === place.port && isSameHost(other.host, place.host))
    if (before !== undefined) tell(place, before, report)
  }
}

// A place that the operator wrote: `by default` is nobody's mistake.
function tell(place: Place, before: Place, report: ConfigReport): void {
  const [given, other] = place.offset === undefined ? [before, place] : [place, before]
  if (given.offset === undefined) return
  report.problem(given.path, given.offset, `${pathText(given.path)} is ${given.port}, and so is ${pathText(other.path)}${other.offset === undefined ? ' by default' : ''}; give one of them another port`)
}

/** `defaults`: a host alone where there is no port without a word. */
function placeOf(root: SourceNode, block: KeyPath, defaults: string | { readonly host: string; readonly port: number }): Place | undefined {
  const { host: defaultHost, port: defaultPort } = typeof defaults === 'string' ? { host: defaults, port: 0 } : defaults
  const [host, port] = ['host', 'port'].map(key => nodeAt(root, [...block, key]))
  const number = port === undefined ? defaultPort : port.scalar
  // 0: any that is free. What is no number the schema reports.
  if (typeof number !== 'number' || number === 0) return undefined
  return { path: [...block, 'port'], offset: port?.offset, host: typeof host?.scalar === 'string' ? host.scalar : defaultHost, port: number }
}

function isSameHost(one: string, other: string): boolean {
  const [a, b] = [one, other].map(host => (host === 'localhost' ? '127.0.0.1' : host))
  return a === b || [a, b].some(host => EVERYWHERE.includes(host!))
}
