// Which nats-server the NATS port behaves as.

/** Client libraries switch on by it what they use: headers, no responders. */
export const NATS_VERSION = '2.9.10'
