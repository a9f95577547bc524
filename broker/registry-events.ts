// Publishes what changes in the registry, on `$CB.registry.<event>.<name>`, for those who watch.

import type { Core } from './core.ts'
import { publishEvent } from './event-publisher.ts'

/** Publishes each change from now on. */
export function publishChanges(core: Core): void {
  core.registry.watch((event) => publishEvent(core, `$CB.registry.${event.event}.${event.instance.name}`, () => event))
}
