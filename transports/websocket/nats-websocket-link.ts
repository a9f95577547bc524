// A link over a WebSocket on which NATS is spoken: a stream of bytes, in messages whose borders mean nothing.

import { WebSocketLink } from './websocket-link.ts'

export class NatsWebSocketLink extends WebSocketLink {
  get protocol(): 'nats' {
    return 'nats'
  }
}
