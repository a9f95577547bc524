// A client connected to a scripted broker, and that broker's end of its connection.

import { connect, type Client, type ClientEvents, type ConnectOptions } from '../../client/index.ts'
import { ScriptedBroker, TOKEN, type ScriptedConnection } from './scripted-broker.ts'
import type { Teardown } from './temporary-directory.ts'

export interface ScriptedPair {
  readonly broker: ScriptedBroker
  readonly client: Client
  readonly peer: ScriptedConnection
}

/** Both ends, after the handshake; `welcome` replaces members of the welcome body. */
export async function scriptedClient(t: Teardown, options: ConnectOptions = {}, welcome: object = {}): Promise<ScriptedPair> {
  const broker = await ScriptedBroker.start(t)
  const [client, peer] = await Promise.all([connect({ socket: broker.socket, token: TOKEN, auth: 'token', ...options }), broker.welcome(welcome)])
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
