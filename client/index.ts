// The public face of `callboard/client`.

export * from './exports.ts'
export { connect } from './connect.ts'
export type { ConnectOptions } from './options.ts'
export { startTracing, type Tracing, type TracingOptions } from './start-tracing.ts'
