// A cluster of real NATS servers with JetStream on this machine. Knows nothing of Callboard.

import { NatsServer } from './nats-server.ts'
import { reservedPort } from './reserved-port.ts'
import type { Teardown } from './temporary-directory.ts'
import { until } from './until.ts'

const HOST = '127.0.0.1'

export interface NatsClusterOptions {
  /** default 3 */
  readonly size?: number
  /** Clients are told the addresses of all servers, and go there past any proxy. default false */
  readonly advertises?: boolean
  /** More of each server's configuration file. */
  readonly config?: object
}

interface Replica {
  readonly name: string
  readonly current: boolean
  readonly offline?: boolean
}

interface JetStreamPage {
  readonly meta_cluster?: { readonly leader?: string; readonly cluster_size: number; readonly replicas?: readonly Replica[] }
  readonly account_details?: readonly { readonly stream_detail?: readonly { readonly name: string; readonly cluster?: { readonly leader?: string } }[] }[]
}

export class NatsCluster {
  readonly servers: readonly NatsServer[]

  constructor(servers: readonly NatsServer[]) {
    this.servers = servers
  }

  get urls(): string[] {
    return this.servers.map(({ url }) => url)
  }

  get running(): NatsServer[] {
    return this.servers.filter(server => server.isRunning)
  }

  /** The others that run. */
  besides(...these: readonly NatsServer[]): NatsServer[] {
    return this.running.filter(server => !these.includes(server))
  }

  /**
   * Resolves with the leader of JetStream's metadata when every running server knows the same one, and that one has its
   * running followers up to date: streams on all of them can be made now.
   */
  async untilLed(): Promise<NatsServer> {
    let leader: NatsServer | undefined
    await until(async () => {
      const { running } = this
      const pages = await Promise.all(running.map(server => server.monitor<JetStreamPage>('jsz')))
      const names = new Set(pages.map(page => page?.meta_cluster?.leader))
      leader = running.find(({ name }) => names.has(name))
      if (names.size !== 1 || leader === undefined) return false
      const own = pages[running.indexOf(leader)]!.meta_cluster!
      const followers = (own.replicas ?? []).filter(({ name, current, offline }) => current && offline !== true && running.some(each => each.name === name))
      return own.cluster_size === this.servers.length && followers.length === running.length - 1
    })
    return leader!
  }

  /** Resolves with the server that leads a stream, once there is one. */
  async leaderOf(stream: string): Promise<NatsServer> {
    let leader: NatsServer | undefined
    await until(async () => {
      for (const server of this.running) {
        const page = await server.monitor<JetStreamPage>('jsz?streams=1')
        const name = page?.account_details?.flatMap(account => account.stream_detail ?? []).find(each => each.name === stream)?.cluster?.leader
        leader = this.running.find(each => each.name === name)
        if (leader !== undefined) return true
      }
      return false
    })
    return leader!
  }
}

/** Resolves when streams with a copy on each server can be made. Servers are killed when the test ends. */
export async function startNatsCluster(t: Teardown, { size = 3, advertises = false, config = {} }: NatsClusterOptions = {}): Promise<NatsCluster> {
  const ports = await Promise.all(Array.from({ length: size }, () => reservedPort(t)))
  const routes = ports.map(port => `nats-route://${HOST}:${port}`)
  const servers = await Promise.all(
    ports.map(port => NatsServer.configure(t, { jetStream: true, config: { cluster: { name: 'test', listen: `${HOST}:${port}`, routes, no_advertise: !advertises }, ...config } })),
  )
  await Promise.all(servers.map(server => server.start()))
  const cluster = new NatsCluster(servers)
  await cluster.untilLed()
  return cluster
}
