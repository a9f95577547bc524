// The broker's own methods, as the SDK's users see their types.

export type * from '../broker/ground/agent-api.ts'
export type * from '../broker/ground/agent-line.ts'
export type * from '../broker/ground/api.ts'
export type * from '../broker/ground/crash.ts'
export type * from '../broker/ground/queue-api.ts'
export type * from '../broker/ground/registry-api.ts'
export type * from '../broker/ground/trace-api.ts'
export type { Endpoint, InstanceHealth, InstanceInfo, InstanceKind, Negotiated, Registration, RegistrationUpdate, RegistryAnswer, RegistryEvent, RegistryEventKind, RegistryQuery } from '../broker/ground/registry.ts'
export type { Balancing } from '../broker/ground/registry-settings.ts'
export type { QueueOverrides } from '../broker/ground/queue-overrides.ts'
