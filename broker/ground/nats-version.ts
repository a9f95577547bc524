// Which nats-server the NATS port behaves as.

/** Client libraries turn on headers, no-responders and more by this, not by what INFO says. */
export const NATS_VERSION = '2.9.10'
