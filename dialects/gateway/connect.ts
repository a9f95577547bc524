// The first message of a gateway client, and what it is answered: `connect` is the hello of this dialect.

import { BrokerError } from '../../broker/ground/errors.ts'
import { Fields } from '../../broker/ground/fields.ts'
import { isObject, type ObjectMembers } from '../json/envelope.ts'

const CLIENT_ID = { max: 128, pattern: /^[A-Za-z0-9_-]+$/, hint: '1 to 128 of A-Z a-z 0-9 _ -' }
const SHORT = { max: 128 }
const MAX_CAPABILITIES = 64
const MAX_SHOWN_TYPE = 40

/** Who else is there, and how the broker is, as a client may know it. */
export interface Snapshot {
  readonly presence: readonly object[]
  /** How many there are, when `presence` does not show all. */
  readonly presenceTotal: number
  readonly state: object
}

/**
 * The body of the hello that a first message stands for. What it does not know of its params is passed over.
 * @throws BrokerError `handshake.expected` for anything but `connect`, `connect.bad_params`
 */
export function helloOf({ type, params }: ObjectMembers): object {
  if (type !== 'connect') throw new BrokerError('handshake.expected', { expected: 'connect', actual: typeof type === 'string' ? type.slice(0, MAX_SHOWN_TYPE) : `a type that is ${type === undefined ? 'missing' : 'no text'}` })
  const fields = new Fields('params', params ?? {}, (problem) => new BrokerError('connect.bad_params', { problem }))
  const client = fields.text('deviceId', CLIENT_ID)
  const role = fields.text('role', SHORT)
  const nodeType = fields.text('nodeType', SHORT)
  const version = fields.text('version', SHORT)
  const capabilities = fields.texts('capabilities', MAX_CAPABILITIES, SHORT)
  const { deviceId: _, auth, ...others } = (params ?? {}) as ObjectMembers
  return {
    ...others,
    ...(client === undefined ? {} : { client }),
    device: { role, nodeType, version, capabilities },
    // Its challenge came with the greeting: a client that asks for another one has not understood the dialect.
    ...(isObject(auth) ? { auth: { token: auth['token'], mac: auth['mac'] } } : { auth }),
  }
}

/** What `connect` is answered with; `welcome` is the body of the welcome. */
export function helloOk(welcome: ObjectMembers, { presence, presenceTotal, state }: Snapshot): object {
  return { status: 'hello-ok', health: { gateway: 'running', channels: {} }, snapshot: { presence, presenceTotal, state }, ...welcome }
}
