// The broker's methods over a pipeline without actors: a host that starts channels by itself and has one agent.

import type { AgentInfo } from '../../broker/ground/api.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { ActorInfo } from '../../broker/ground/types.ts'
import type { BrokerHost } from '../../broker/host.ts'
import { View } from '../../broker/view.ts'
import { PipelineRig, type PipelineSetup } from './pipeline.ts'

const agent: AgentInfo = { name: 'weather', agent: 'weather', instance: 1, phase: 'run', pid: 77, incarnation: 1, restarts: 0, ageMs: 5 }
const root: ActorInfo = { id: 'root', kind: 'broker', phase: 'run', incarnation: 1, restarts: 0, ageMs: 1, mailbox: 0, detail: '', children: [] }

/** The host of a rig that starts and ends channels by itself. */
export function hostOf(rig: () => PipelineRig): BrokerHost {
  return {
    version: '1.2.3',
    home: '/home/of/it',
    socket: '/home/of/it/callboard.sock',
    gateway: undefined,
    gatewayProblem: undefined,
    nats: undefined,
    natsProblem: undefined, grpc: undefined, grpcSocket: undefined, bus: undefined,
    phase: 'run',
    tree: () => root,
    startChannel: async spec => rig().openChannel(spec),
    async stopChannel(name, isForced) {
      await rig().core.queues.vacate(name, isForced)
      rig().closeChannel(name)
    },
    agents: () => [agent],
    agent: () => { throw new Error('no agents') },
    agentLines: () => [],
    agentCrashes: () => Promise.resolve([]),
    upgrade: () => Promise.reject(new BrokerError('upgrade.unsupported', { problem: 'it is a rig' })),
    async restartAgent(name) {
      if (name !== agent.name) throw new BrokerError('agent.unknown', { agent: name, suggestion: '' })
      return agent
    },
    scaleAgent: () => Promise.reject(new Error('not here')),
    drainAgent: () => Promise.reject(new Error('not here')),
    upgradeAgent: () => Promise.reject(new Error('not here')),
    stop: () => {},
  }
}

/** A rig whose `$CB.api.*` answers. */
export function rigWithView(setup: PipelineSetup = {}): PipelineRig {
  const rig: PipelineRig = new PipelineRig({ ...setup, view: pipeline => new View(pipeline, hostOf(() => rig)) })
  return rig
}
