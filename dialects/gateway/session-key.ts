// The grammar of session keys: whose conversation a message belongs to, and which agent leads it.
//
//   agent:<agent>:<channel>:<kind>:<peer>        agent:main:whatsapp:dm:+1234567890

import { BrokerError } from '../../broker/ground/errors.ts'

/** A session key taken apart. */
export interface SessionKey {
  /** Name of the agent, 1..128 of A-Z a-z 0-9 _ - */
  readonly agent: string
  /** Where the conversation takes place: `whatsapp`, `telegram`, `cli`. 1..64 of A-Z a-z 0-9 _ - */
  readonly channel: string
  /** What it is there: `dm`, `group`, `thread`. 1..64 of A-Z a-z 0-9 _ - */
  readonly kind: string
  /** With whom: a number, a name, an id. 1..256 characters; colons are allowed, white space and control characters are not. */
  readonly peer: string
}

const AGENT = /^[A-Za-z0-9_-]{1,128}$/
const WORD = /^[A-Za-z0-9_-]{1,64}$/
const PEER = /^[^\s\p{Cc}]{1,256}$/u

/**
 * @throws BrokerError `order.bad_key` that says which part is wrong; the key itself is not repeated, as it may name people
 */
export function parseSessionKey(key: string): SessionKey {
  const [prefix, agent = '', channel = '', kind = '', ...rest] = key.split(':')
  const peer = rest.join(':')
  if (prefix !== 'agent') throw wrong('it does not begin with "agent:"')
  if (!AGENT.test(agent)) throw wrong('its agent must be 1 to 128 of A-Z a-z 0-9 _ -')
  if (!WORD.test(channel)) throw wrong('its channel must be 1 to 64 of A-Z a-z 0-9 _ -')
  if (!WORD.test(kind)) throw wrong('its kind must be 1 to 64 of A-Z a-z 0-9 _ -')
  if (!PEER.test(peer)) throw wrong('its peer must be 1 to 256 characters without white space')
  return { agent, channel, kind, peer }
}

function wrong(problem: string): BrokerError {
  return new BrokerError('order.bad_key', { problem })
}
