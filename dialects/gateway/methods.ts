// The methods of the gateway that are about messages: their params, checked, as the envelope that does the same. All
// other methods are the broker's own, `$CB.api.<method>`.

import { BrokerError, type ErrorBody } from '../../broker/ground/errors.ts'
import { Fields, type FieldsRefusal } from '../../broker/ground/fields.ts'
import { REGISTERED_NAME } from '../../broker/ground/registration.ts'
import { nearest } from '../../broker/ground/nearest.ts'
import { isObject, type Envelope, type ObjectMembers } from '../json/envelope.ts'
import type { OwnId } from '../json/own-names.ts'
import { parseSessionKey } from './session-key.ts'

/** A `req` as the dialect carries it out. */
export interface Errand {
  readonly envelope: Envelope
  /** Name of the events that its parts are told as. */
  readonly event: string
  readonly isCancellable: boolean
  /** Set: one after another with all that have the same. */
  readonly sessionKey?: string
}

const TEXT = { max: 255 }
const ID = { max: 128, pattern: /^[A-Za-z0-9_-]+$/, hint: '1 to 128 of A-Z a-z 0-9 _ -' }
const MAX_KEY = { max: 512 }
const MAX_TIMEOUT_MS = 0xffff_ffff
const MAX_TTL_MS = 2 ** 31 - 1
const MAX_SUBSCRIPTION = 2 ** 31 - 1

const EMPTY: Envelope = {
  type: '', id: undefined, ref: undefined, channel: undefined, subject: undefined, payload: undefined, hasPayload: false, headers: undefined, sender: undefined, sentAt: undefined,
  timeoutMs: 0, isMany: false, receipt: undefined, ttlMs: undefined, group: undefined, filter: undefined, isConsuming: false, subscription: undefined,
}

/** Params with what every method reads of them alike. */
class Params {
  readonly members: ObjectMembers
  readonly fields: Fields
  readonly refusal: FieldsRefusal

  constructor(method: string, params: unknown) {
    this.refusal = (problem) => new BrokerError('method.bad_params', { method, problem })
    this.fields = new Fields('params', params ?? {}, this.refusal)
    this.members = (params ?? {}) as ObjectMembers
  }

  /** `channel` or `subject`, or with `to` a client, an agent or a session. */
  destination(mayAddress: boolean): Pick<Envelope, 'channel' | 'subject'> {
    const { fields } = this
    const found = { channel: fields.text('channel', TEXT), subject: fields.text('subject', TEXT) }
    const to = mayAddress ? fields.map('to') : undefined
    const address = to === undefined ? undefined : this.#address(to)
    const count = [found.channel, found.subject, address].filter((each) => each !== undefined).length
    if (count !== 1) throw this.refusal(`params must name one of channel, subject${mayAddress ? ' and to' : ''}, got ${count === 0 ? 'none' : 'several'}`)
    return address === undefined ? found : { channel: undefined, subject: address }
  }

  /** The same where nothing means everyone. */
  optionalDestination(): Pick<Envelope, 'channel' | 'subject'> {
    const isNamed = ['channel', 'subject'].some((name) => this.members[name] !== undefined && this.members[name] !== null)
    return isNamed ? this.destination(false) : { channel: undefined, subject: undefined }
  }

  content(): Pick<Envelope, 'payload' | 'hasPayload' | 'headers' | 'ttlMs'> {
    const { payload, headers } = this.members
    this.fields.map('headers')
    return { payload, hasPayload: payload !== undefined, headers: isObject(headers) ? headers : undefined, ttlMs: this.fields.integer('ttl', 1, MAX_TTL_MS) }
  }

  receipt(): 'accepted' | 'delivered' {
    const receipt = this.fields.text('receipt', { max: 16, pattern: /^(accepted|delivered)$/, hint: '"accepted" or "delivered"' })
    return receipt === 'delivered' ? 'delivered' : 'accepted'
  }

  timeoutMs(): number {
    return this.fields.integer('timeoutMs', 1, MAX_TIMEOUT_MS) ?? 0
  }

  #address(to: Fields): string {
    const named = (['client', 'agent', 'session', 'service'] as const).flatMap((kind) => {
      const id = to.text(kind, kind === 'service' ? REGISTERED_NAME : ID)
      return id === undefined ? [] : [`$CB.to.${kind}.${id}`]
    })
    if (named.length !== 1) throw this.refusal('params.to must name one of client, agent, session and service')
    return named[0]!
  }
}

type Method = (params: Params) => Errand

const methods: Readonly<Record<string, Method>> = {
  publish: (params) => oneWay('event', { ...params.destination(false), ...params.content(), receipt: params.receipt() }),
  send: (params) => (params.fields.flag('wait') === true ? request(params) : oneWay('event', { ...params.destination(true), ...params.content(), receipt: params.receipt() })),
  request,
  broadcast: (params) => oneWay('broadcast', { ...params.optionalDestination(), ...params.content(), receipt: params.receipt() }),
  subscribe: (params) => {
    const { fields } = params
    const subscription = fields.integer('subscription', 1, MAX_SUBSCRIPTION)
    return oneWay('subscribe', { ...params.destination(false), group: fields.text('group', ID), filter: fields.text('filter', { max: 1024 }), isConsuming: fields.flag('consume') ?? false, subscription })
  },
  unsubscribe: (params) => {
    const subscription = params.fields.integer('subscription', 1, MAX_SUBSCRIPTION)
    if (subscription === undefined) throw params.refusal('params.subscription must be the number that subscribe was answered with, got nothing')
    return oneWay('unsubscribe', { subscription })
  },
  agent,
}

/** The error, and where the broker knows no such method, the one of ours that was probably meant. */
export function withSuggestion(error: ErrorBody, method: string): ErrorBody {
  if (error.code !== 'method.unknown' || error.details?.['suggestion'] !== '') return error
  const meant = nearest(method, [...Object.keys(methods), 'cancel'])
  return meant === undefined ? error : new BrokerError('method.unknown', { method, suggestion: `; did you mean ${meant}?` }).toBody()
}

/**
 * What a `req` asks for; `method` and `id` are checked already.
 * @throws BrokerError `method.bad_params`, `order.bad_key`
 */
export function errandOf(method: string, id: OwnId, params: unknown): Errand {
  const own = Object.hasOwn(methods, method) ? methods[method] : undefined
  const errand = own === undefined ? ofBroker(method, params) : own(new Params(method, params))
  return { ...errand, envelope: { ...errand.envelope, id } }
}

/**
 * The id of the request that `cancel` is about.
 * @throws BrokerError `method.bad_params`
 */
export function cancelledId(params: unknown): OwnId {
  const { members, refusal } = new Params('cancel', params)
  const { id } = members
  if (typeof id === 'string' || Number.isSafeInteger(id)) return id as OwnId
  throw refusal('params.id must be the id of an own request')
}

function oneWay(type: string, members: Partial<Envelope>): Errand {
  return { envelope: { ...EMPTY, type, ...members }, event: '', isCancellable: false }
}

function request(params: Params): Errand {
  const envelope = { ...EMPTY, type: 'request', ...params.destination(true), ...params.content(), timeoutMs: params.timeoutMs(), isMany: params.fields.flag('many') ?? false }
  return { envelope, event: 'part', isCancellable: true }
}

// The agent gets the params as they are: what stands in them beside these is between it and the client.
function agent(params: Params): Errand {
  const { fields, members, refusal } = params
  const sessionKey = fields.text('sessionKey', MAX_KEY)
  const parsed = sessionKey === undefined ? undefined : parseSessionKey(sessionKey)
  const name = fields.text('agent', ID) ?? parsed?.agent
  if (name === undefined) throw refusal('params must have a sessionKey, or name the agent')
  if (members['message'] === undefined || members['message'] === null) throw refusal('params.message must be what the agent is told, got nothing')
  const headers = { ...params.content().headers, ...(sessionKey === undefined ? {} : { sessionKey }) }
  const envelope = { ...EMPTY, type: 'request', subject: `$CB.to.agent.${name}`, payload: members, hasPayload: true, headers, timeoutMs: params.timeoutMs() }
  return { envelope, event: 'agent', isCancellable: true, ...(sessionKey === undefined ? {} : { sessionKey }) }
}

// It answers by itself and at once, so there is nothing to cancel.
function ofBroker(method: string, params: unknown): Errand {
  return { envelope: { ...EMPTY, type: 'request', subject: `$CB.api.${method}`, payload: params ?? {}, hasPayload: true }, event: 'part', isCancellable: false }
}
