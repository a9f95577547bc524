// A local agent as a child of its supervisor: which chart it follows, and how it is restarted and stopped.

import type { LocalAgent } from '../agents/local-agent.ts'
import { agentMachine } from '../machines/agent.ts'
import { Actor } from './actor.ts'
import type { Environment } from './behaviour.ts'
import type { ChildEnd, ChildSpec } from './child-spec.ts'

// The actor gives up on its own releases first: then it says which process is stuck.
const MARGIN_MS = 1000

/** The child `agent.<instance id>`. Every incarnation is a new actor with a process of its own. */
export function agentChild(agent: LocalAgent, environment: Environment, onEnd?: (end: ChildEnd) => void): ChildSpec {
  const { settings, releaseMs, killMs } = agent
  const id = `agent.${agent.id}`
  return {
    id,
    kind: 'agent',
    restart: settings.restart,
    isDeferred: settings.schedule !== undefined,
    backoff: settings.backoff,
    ...(settings.intensity !== undefined && { intensity: settings.intensity }),
    ...(settings.periodMs !== undefined && { periodMs: settings.periodMs }),
    shutdownMs: releaseMs + MARGIN_MS,
    killMs: killMs + MARGIN_MS,
    ...(onEnd === undefined ? {} : { onEnd }),
    create: (incarnation) => {
      agent.incarnation = incarnation
      return new Actor({ id, kind: 'agent', machine: agentMachine, behaviour: agent, environment, releaseMs, killMs })
    },
  }
}
