// Names of instances where brokers are joined: each broker has its own, and a request is never answered twice.

import { joinedBrokers } from '../support/joined-brokers.ts'
import { errorCode } from '../support/error-code.ts'
import { connectNats } from '../support/nats-client.ts'
import { startNatsServer, natsTest } from '../support/nats-server.ts'

natsTest('joined registry: a name is looked for at the broker that is asked, and at no other', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  const [one, two] = await joinedBrokers(t, [server.url], [{}, {}])
  await one!.client.register({ name: 'both', onRequest: message => message.respond('one') })
  await two!.client.register({ name: 'both', onRequest: message => message.respond('two') })
  await two!.client.register({ name: 'there', onRequest: message => message.respond('two') })
  for (const [broker, expected] of [[one!, 'one'], [two!, 'two']] as const) t.is((await broker.client.request({ service: 'both' })).value, expected)
  t.is(await errorCode(one!.client.request({ service: 'there' }, 1, { timeoutMs: 60_000 })), 'request.no_responders')
  // What a client of the servers sends there would come to both brokers.
  const outside = await connectNats(t, server.url)
  outside.publish('$CB.to.service.both', '1')
  await outside.flush()
  for (const { client } of [one!, two!]) {
    await client.call('ping')
    t.is((await client.registry.list({ name: 'both' })).instances[0]!.requests, 1)
    t.true((await client.call('stats')).balanced)
  }
})
