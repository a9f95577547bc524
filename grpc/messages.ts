// The messages of proto/callboard/v1/gateway.proto as they are read and written here: numbers and texts, absent fields as
// the proto's defaults.

export interface AgentInfo {
  readonly name: string
  readonly version: string
  readonly instance: string
  readonly capabilities: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly endpoints: readonly { readonly name: string; readonly subject: string; readonly url: string }[]
  readonly weight: number
  readonly kind: string
  readonly leaseMs: number
}

export interface RegistrationResult {
  readonly registrationId: string
  readonly name: string
  readonly instance: string
  readonly leaseMs: number
  readonly connection: string
}

export type MessageKind = 'KIND_DEFAULT' | 'KIND_PUBLISH' | 'KIND_REQUEST' | 'KIND_RESPONSE' | 'KIND_PART' | 'KIND_ERROR'
export type PayloadName = 'PAYLOAD_BYTES' | 'PAYLOAD_MSGPACK' | 'PAYLOAD_JSON' | 'PAYLOAD_TEXT'

export interface ErrorText {
  readonly code: string
  readonly message: string
  readonly retryable: boolean
}

export interface Message {
  readonly kind: MessageKind
  /** Which of the next four there is. */
  readonly to?: 'subject' | 'channel' | 'service' | 'replyTo'
  readonly subject?: string
  readonly channel?: string
  readonly service?: string
  readonly replyTo?: string
  readonly payload: Buffer
  readonly payloadType: PayloadName
  readonly headers: Readonly<Record<string, string>>
  readonly id: string
  readonly receipt: 'RECEIPT_ACCEPTED' | 'RECEIPT_DELIVERED'
  readonly many: boolean
  readonly ttlMs: number
  readonly queue: { readonly delayMs: number; readonly deliverAt: number; readonly session: string; readonly sequence: number; readonly durability: string } | null
  readonly error: ErrorText | null
  readonly registrationId: string
  readonly version: string
  readonly affinity: string
}

export interface SendResult {
  readonly messageId?: string
  readonly receivers?: number
  readonly written?: number
  readonly forwarded?: number
  readonly dropped?: Readonly<Record<string, number>>
  readonly stored?: { readonly queue: string; readonly position: number; readonly duplicate?: boolean }
  readonly duplicate?: boolean
  readonly reply?: Event
  readonly parts?: readonly Event[]
  readonly ended?: string
}

export interface Topic {
  readonly of?: 'subject' | 'channel'
  readonly subject?: string
  readonly channel?: string
  readonly group: string
  readonly filter: string
  readonly registrationId: string
  readonly flow: { readonly overflow: string; readonly maxPendingBytes: number; readonly maxPendingMessages: number } | null
}

export interface Event {
  readonly kind: 'KIND_MESSAGE' | 'KIND_REQUEST' | 'KIND_RESPONSE' | 'KIND_PART' | 'KIND_ERROR' | 'KIND_GAP' | 'KIND_CANCEL'
  readonly id?: string | undefined
  readonly subject?: string | undefined
  readonly channel?: string | undefined
  readonly sender?: string | undefined
  readonly timeUs?: number | undefined
  readonly payload?: Uint8Array | undefined
  readonly payloadType?: PayloadName | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly replyTo?: string | undefined
  readonly timeoutMs?: number | undefined
  readonly error?: ErrorText | undefined
  readonly gap?: { readonly reason: string; readonly count: number } | undefined
  readonly grouped?: boolean | undefined
}

export interface HealthRequest {
  readonly service: string
  readonly instance: string
  readonly registrationId: string
  readonly report: string
}

export interface HealthStatus {
  readonly status: 'STATUS_UNKNOWN' | 'STATUS_SERVING' | 'STATUS_DEGRADED' | 'STATUS_NOT_SERVING'
  readonly parts?: readonly { readonly name: string; readonly state: string; readonly text: string }[]
  readonly version?: string
  readonly timeUs?: number
  readonly leaseMs?: number
}

/** google.rpc.Status */
export interface RpcStatus {
  readonly code: number
  readonly message: string
  readonly details: readonly { readonly typeUrl: string; readonly value: Uint8Array }[]
}

/** google.rpc.ErrorInfo */
export interface ErrorInfo {
  readonly reason: string
  readonly domain: string
  readonly metadata: Readonly<Record<string, string>>
}
