// Publishes what becomes of supervised agents, on `$CB.agent.<event>.<name>`, for those who watch. Where nobody does, nothing is made.

import type { Core } from './core.ts'
import { publishEvent } from './event-publisher.ts'
import type { AgentEvent } from './ground/agent-api.ts'

export function publishAgentEvent(core: Core, event: AgentEvent): void {
  publishEvent(core, `$CB.agent.${event.event}.${event.agent}`, () => ({ ...event, time: Math.floor(core.clock.wallMicros() / 1000) }))
}
