// All keys that work, composed. What does not work yet is in later.ts.

import { z } from 'zod'
import { defaultSettings, logLevels } from '../broker/ground/settings.ts'
import { agentGroupsBlock } from './agent-group-keys.ts'
import { agentsBlock } from './agent-keys.ts'
import { auditBlock } from './audit-keys.ts'
import { busBlock } from './bus-keys.ts'
import { channelsBlock } from './channel-keys.ts'
import { fifosBlock } from './fifo-keys.ts'
import { gatewayBlock } from './gateway-keys.ts'
import { grpcBlock } from './grpc-keys.ts'
import { ipcBlock } from './ipc-keys.ts'
import { block, defaulted, isSwitchable, map, optional } from './keys.ts'
import { choice, powerOfTwo, text } from './kinds.ts'
import { sharedMemoryBlock } from './memory-keys.ts'
import { natsBlock } from './nats-keys.ts'
import { networkBlock } from './network-keys.ts'
import { poolBlock } from './pool-keys.ts'
import { principalsBlock } from './principal-keys.ts'
import { deduplicationBlock, orderingBlock, queueBlock } from './queue-keys.ts'
import { registryBlock } from './registry-keys.ts'
import { storeBlock } from './store-keys.ts'
import { telemetryBlock } from './telemetry-keys.ts'

const { recorder, log } = defaultSettings

export const configSchema = map({
  $schema: optional(text, 'none', 'For editors: where the JSON Schema of this file is.'),
  ipc: ipcBlock,
  agents: agentsBlock,
  agentGroups: agentGroupsBlock,
  channels: channelsBlock,
  queue: queueBlock,
  deduplication: deduplicationBlock,
  ordering: orderingBlock,
  store: storeBlock,
  registry: registryBlock,
  sharedMemory: sharedMemoryBlock,
  principals: principalsBlock,
  fifos: fifosBlock,
  gateway: gatewayBlock,
  nats: natsBlock,
  grpc: grpcBlock,
  bus: busBlock,
  network: networkBlock,
  pool: poolBlock,
  telemetry: telemetryBlock,
  audit: auditBlock,
  recorder: block({
    entries: defaulted(powerOfTwo(1024, 1_048_576), recorder.entries, 'How many runs of messages the flight recorder remembers.'),
  }),
  log: block({
    level: defaulted(choice(logLevels), log.level, 'The least important lines that are logged.'),
  }),
})

/** A configuration after defaults, in the shape of the file: durations in ms, sizes in bytes, paths as written. */
export type ConfigFile = z.output<typeof configSchema>

/** The JSON Schema (draft 2020-12) of the file as it is written, for editors. */
export function jsonSchema(): object {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    override({ zodSchema, jsonSchema }) {
      if (!(zodSchema instanceof z.ZodObject) || !isSwitchable(zodSchema)) return
      const map = { ...jsonSchema }
      for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key)
      jsonSchema.anyOf = [map, { const: false, description: 'Off.' }]
    },
  })
  return { ...schema, title: 'Callboard configuration' }
}
