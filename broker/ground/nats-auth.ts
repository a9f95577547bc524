// What a NATS client presents to be let in, as its CONNECT says it. Not checked yet.

export interface NatsAuth {
  /** A principal's name, and its token as password. */
  readonly user: string | undefined
  readonly pass: string | undefined
  /** A principal's token, without its name. */
  readonly token: string | undefined
  /** Public nkey of the user who signed the nonce. */
  readonly nkey: string | undefined
  /** JWT of the user who signed the nonce. */
  readonly jwt: string | undefined
  /** The signature over the nonce, in base64 of either alphabet. */
  readonly sig: string | undefined
}

/** How the client reached the broker, for credentials that are bound to that. */
export interface NatsWay {
  /** Of `INFO`; undefined: it had none, and nothing that is signed is accepted. */
  readonly nonce: string | undefined
  readonly isWebSocket: boolean
}
