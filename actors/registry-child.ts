// The registry as a child of its supervisor: how many names and instances there are. What is in it belongs to its connections, and outlives this.

import type { Core } from '../broker/core.ts'
import { registryMachine } from '../machines/registry.ts'
import { Actor } from './actor.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'

export function registryChild({ registry }: Core, environment: Environment): ChildSpec {
  return {
    id: 'registry',
    kind: 'registry',
    restart: 'permanent',
    create: () =>
      new Actor({
        id: 'registry',
        kind: 'registry',
        machine: registryMachine,
        environment,
        behaviour: {
          // It is there with the broker.
          init() {},
          detail() {
            const { services, instances, healthy } = registry.counts
            if (instances === 0) return 'no instance'
            return `${services} ${services === 1 ? 'name' : 'names'}, ${instances} ${instances === 1 ? 'instance' : 'instances'}, ${healthy} healthy`
          },
        },
      }),
  }
}
