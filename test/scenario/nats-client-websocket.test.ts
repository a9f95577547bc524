// The public NATS client library over WebSocket, at /nats of the gateway's port.

import { connectNatsWebSocket } from '../support/nats-client.ts'
import { natsClientStories } from '../support/nats-client-stories.ts'

natsClientStories({ name: 'websocket', connect: (t, broker, options) => connectNatsWebSocket(t, new URL('/nats', broker.gateway).href, options) })
