// Says what went wrong in the words of nats-server's configuration, where the broker names its own keys.

/** The broker's keys, longest first. */
const keys: readonly (readonly [callboard: string, nats: string])[] = [
  ['nats.websocket.port', 'port of websocket'],
  ['nats.websocket.host', 'host of websocket'],
  ['nats.monitor.port', 'http_port'],
  ['nats.monitor.host', 'the host of http'],
  ['nats.websocket.tls', 'tls of websocket'],
  ['nats.port', 'port'],
  ['nats.host', 'host'],
  ['nats.tls', 'tls'],
]

/** The text with the keys that who started a nats-server has. */
export function inWordsOfNatsServer(text: string): string {
  return keys.reduce((told, [callboard, nats]) => told.replaceAll(callboard, nats), text)
}
