// The block `registry`: how requests to a name are shared out; and which instances give a capability, `gateway.nodeCapabilities`.

import { balancings, capabilityPreferences, defaultRegistry } from '../broker/ground/registry-settings.ts'
import { block, defaulted, map, optional } from './keys.ts'
import { capabilityName, capabilityProvider, choice, count, flag, list, mapOf, registeredName, versionRange } from './kinds.ts'

const MAX_INSTANCES = 1_000_000
const MAX_WEIGHT = 1000

const about = {
  least_outstanding: 'the instance with the fewest open requests for its weight',
  round_robin: 'each in turn, by weight',
  sticky: 'by the header affinity, or the client: the same key goes to the same instance',
} as const satisfies Record<(typeof balancings)[number], string>

export const registryBlock = block({
  balancing: defaulted(choice(balancings), defaultRegistry.balancing, `Who gets a request to a name. ${balancings.map(each => `${each}: ${about[each]}`).join('; ')}.`),
  maxInstances: defaulted(count(1, MAX_INSTANCES), defaultRegistry.maxInstances, 'Most registered instances in all.'),
  services: optional(
    mapOf(
      registeredName,
      map({
        balancing: optional(choice(balancings), '`registry.balancing`', 'The same for requests to this name.'),
        weights: optional(mapOf(versionRange, count(0, MAX_WEIGHT)), 'all versions alike', 'By range of versions, its share of the requests; the first range that holds counts, versions in none have 100 together. 0: only where there is nobody else.'),
      }),
    ),
    'none',
    'Names whose requests are shared out in a way of their own.',
  ),
})

export const nodeCapabilitiesBlock = optional(
  mapOf(
    capabilityName,
    map({
      providers: defaulted(list(capabilityProvider), [], 'Who gives it, the first that is there: `node:<type>`, `host`, `cloud`, `agent:<name>`, `service:<name>`. None: any instance that registers it.'),
      fallback: optional(capabilityProvider, 'none', 'Who gives it when none of them is there.'),
      preference: defaulted(choice(capabilityPreferences), 'listed', 'Whether the order of the list decides alone, or those on this machine come first.'),
      required: defaulted(flag, true, 'That nobody gives it is an error; false: an answer like others.'),
    }),
  ),
  'none',
  'Who gives which capability, for `registry.negotiate`.',
)
