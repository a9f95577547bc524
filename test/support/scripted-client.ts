// A client connected to a scripted broker, and that broker's end of its connection.

import type { Clock } from '../../broker/ground/clock.ts'
import { nodePlatform } from '../../client/connect.ts'
import { connect, type Client, type ClientEvents, type ConnectOptions } from '../../client/index.ts'
import { openClient } from '../../client/open-client.ts'
import { clientOptions } from '../../client/options.ts'
import { ScriptedBroker, TOKEN, type ScriptedConnection } from './scripted-broker.ts'
import type { Teardown } from './temporary-directory.ts'

export interface ScriptedPair {
  readonly broker: ScriptedBroker
  readonly client: Client
  readonly peer: ScriptedConnection
}

/** Both ends, after the handshake; `welcome` replaces members of the welcome body, `clock` is the client's. */
export async function scriptedClient(t: Teardown, options: ConnectOptions = {}, welcome: object = {}, clock?: Clock): Promise<ScriptedPair> {
  const broker = await ScriptedBroker.start(t)
  const given: ConnectOptions = { socket: broker.socket, token: TOKEN, auth: 'token', ...options }
  const opening = clock === undefined ? connect(given) : openClient(nodePlatform(broker.socket), { ...clientOptions(given), clock }, undefined)
  const [client, peer] = await Promise.all([opening, broker.welcome(welcome)])
  t.teardown(() => client.destroy())
  return { broker, client, peer }
}

/** Resolves with the value of the next such event. */
export function nextEvent<Name extends keyof ClientEvents>(client: Client, name: Name): Promise<ClientEvents[Name]> {
  return new Promise(resolve => {
    const stop = client.on(name, value => {
      stop()
      resolve(value)
    })
  })
}
