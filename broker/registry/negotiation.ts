// Who gives a capability: the providers that the configuration names, in its order, and of each the instance that has the
// least to do.

import { BrokerError } from '../ground/errors.ts'
import type { InstanceInfo, Negotiated } from '../ground/registry.ts'
import { defaultCapability, type CapabilitySettings } from '../ground/registry-settings.ts'

/** Stands for a list of providers that names none. */
const ANY = 'any'

/** True when the instance is what a word of the configuration means. */
function isProvider(word: string, { kind, name, metadata, local }: InstanceInfo): boolean {
  if (word === ANY) return true
  if (word === 'host') return local && kind !== 'node'
  if (word === 'cloud') return metadata['place'] === 'cloud'
  const [what, which] = [word.slice(0, word.indexOf(':')), word.slice(word.indexOf(':') + 1)]
  if (what === 'node') return kind === 'node' && metadata['nodeType'] === which
  return kind === what && name === which
}

/**
 * `having`: all that have the capability. `settings` default: any of them will do, and one must.
 * @throws BrokerError `registry.no_provider`
 */
export function negotiate(capability: string, { providers: named, fallback, preference, required }: CapabilitySettings = defaultCapability, having: readonly InstanceInfo[]): Negotiated {
  const able = having.filter(({ reachable, health }) => reachable && (health === 'healthy' || health === 'unhealthy'))
  const providers = named.length === 0 ? [ANY] : named
  const found = preference === 'local_first' ? (provided(providers, able.filter(({ local }) => local)) ?? provided(providers, able)) : provided(providers, able)
  if (found !== undefined) return { capability, required, fallback: false, ...found }
  const last = fallback === undefined ? undefined : provided([fallback], able)
  if (last !== undefined) return { capability, required, fallback: true, ...last }
  if (required) throw new BrokerError('registry.no_provider', { capability, providers: named.length === 0 ? 'any instance that registers it' : [...new Set([...named, ...(fallback === undefined ? [] : [fallback])])].join(', ') })
  return { capability, required, fallback: false }
}

function provided(providers: readonly string[], able: readonly InstanceInfo[]): { provider?: string; instance: InstanceInfo } | undefined {
  // A healthy one of a later provider before an unhealthy one of an earlier.
  for (const instances of [able.filter(({ health }) => health === 'healthy'), able]) {
    for (const provider of providers) {
      const instance = best(instances.filter((each) => isProvider(provider, each)))
      if (instance !== undefined) return { ...(provider === ANY ? {} : { provider }), instance }
    }
  }
  return undefined
}

function best(instances: readonly InstanceInfo[]): InstanceInfo | undefined {
  return instances.reduce<InstanceInfo | undefined>((least, each) => (least === undefined || each.outstanding < least.outstanding ? each : least), undefined)
}
