// Instances for tests of the registry: owners without connections, and what a registry of them needs.

import type { InstanceOwner } from '../../broker/ground/registry.ts'
import type { RegistrySettings } from '../../broker/ground/registry-settings.ts'
import { defaultRegistry } from '../../broker/ground/registry-settings.ts'
import type { Sink } from '../../broker/ground/slice.ts'
import { Registry } from '../../broker/registry/registry.ts'

export interface FakeOwner extends InstanceOwner {
  /** undefined: it cannot be reached. */
  sink: Sink | undefined
}

export function owner(number: number, about: Partial<FakeOwner> = {}): FakeOwner {
  const sink: Sink = { number, answersFrames: true, deliver: () => true }
  return { number, id: `conn-${number}`, client: `client-${number}`, principal: 'owner', transport: 'unix', isLocal: true, sink, sinkFor() { return this.sink }, ...about }
}

export function registry(settings: Partial<RegistrySettings> = {}, onNames: (name: string) => void = () => {}): Registry {
  return new Registry({ settings: { ...defaultRegistry, ...settings }, wallMs: () => 1000, onNames })
}
