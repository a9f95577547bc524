// What both public faces of the client name, that of programs and that of pages.

export { BrokerError, type ErrorCode } from '../broker/ground/errors.ts'
export type { RetrySettings } from '../broker/ground/settings.ts'
export type * from './api-types.ts'
export type { Client, ClientEvents } from './client.ts'
export type { FlowOptions } from './connection-options.ts'
export type { Gap, GapRange } from './gap.ts'
export type { Welcome } from './handshake.ts'
export type { Message } from './message.ts'
export type { AnswerOptions } from './open-request.ts'
export type { DeliveryReceipt, PublishOptions, Receipt, RequestOptions, StreamOptions } from './operation-options.ts'
export type { SubscribeOptions, Subscription } from './subscription.ts'
