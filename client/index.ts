// The public face of `callboard/client`.

export { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
export type { RetrySettings } from '../broker/ground/settings.ts'
export type * from './api-types.ts'
export type { Client, ClientEvents } from './client.ts'
export { connect } from './connect.ts'
export type { Welcome } from './handshake.ts'
export type { Message } from './message.ts'
export type { AnswerOptions } from './open-request.ts'
export type { PublishOptions, Receipt, RequestOptions, StreamOptions } from './operation-options.ts'
export type { ConnectOptions } from './options.ts'
export { startTracing, type TracingOptions } from './start-tracing.ts'
export type { SubscribeOptions, Subscription } from './subscription.ts'
