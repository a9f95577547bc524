// The broker's own methods, as the SDK's users see their types.

export type * from '../broker/ground/api.ts'
export type * from '../broker/ground/queue-api.ts'
export type { QueueOverrides } from '../broker/ground/queue-overrides.ts'
