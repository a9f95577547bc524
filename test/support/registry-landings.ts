// For every key of the registry: a configuration that sets it, and where in the settings it lands.

import type { Settings } from '../../broker/ground/settings.ts'

export const registryLandings: Readonly<Record<string, readonly [yaml: string, read: (settings: Settings) => unknown, expected: unknown]>> = {
  'registry.balancing': ['registry: {balancing: round_robin}', s => s.registry.balancing, 'round_robin'],
  'registry.maxInstances': ['registry: {maxInstances: 7}', s => s.registry.maxInstances, 7],
  'registry.services': ['registry: {services: {a.b: {}}}', s => s.registry.services, { 'a.b': { balancing: undefined, weights: {} } }],
  'registry.services.*.balancing': ['registry: {services: {a: {balancing: sticky}}}', s => s.registry.services['a']?.balancing, 'sticky'],
  'registry.services.*.weights': ['registry: {services: {a: {weights: {^2: 5, ">=1 <2": 0}}}}', s => s.registry.services['a']?.weights, { '^2': 5, '>=1 <2': 0 }],
  'gateway.nodeCapabilities': ['gateway: {nodeCapabilities: {tts: {}}}', s => s.registry.capabilities, { tts: { providers: [], fallback: undefined, preference: 'listed', required: true } }],
  'gateway.nodeCapabilities.*.providers': ['gateway: {nodeCapabilities: {tts: {providers: ["node:ios", host]}}}', s => s.registry.capabilities['tts']?.providers, ['node:ios', 'host']],
  'gateway.nodeCapabilities.*.fallback': ['gateway: {nodeCapabilities: {tts: {fallback: cloud}}}', s => s.registry.capabilities['tts']?.fallback, 'cloud'],
  'gateway.nodeCapabilities.*.preference': ['gateway: {nodeCapabilities: {tts: {preference: local_first}}}', s => s.registry.capabilities['tts']?.preference, 'local_first'],
  'gateway.nodeCapabilities.*.required': ['gateway: {nodeCapabilities: {tts: {required: false}}}', s => s.registry.capabilities['tts']?.required, false],
}
