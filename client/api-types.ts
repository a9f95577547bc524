// The broker's own methods, as the SDK's users see their types.

export type * from '../broker/ground/api.ts'
