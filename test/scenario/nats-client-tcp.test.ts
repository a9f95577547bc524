// The public NATS client library over TCP.

import { connectNats } from '../support/nats-client.ts'
import { natsClientStories } from '../support/nats-client-stories.ts'

natsClientStories({ name: 'tcp', connect: (t, broker, options) => connectNats(t, broker.nats, options) })
