// A broker where gRPC is spoken, on a free port and on its Unix socket.

import { startBroker, type BrokerOptions, type LocalBroker } from './broker.ts'
import { GrpcClient, type GrpcClientOptions } from './grpc-client.ts'
import type { Teardown } from './temporary-directory.ts'

export interface GrpcBroker extends LocalBroker {
  /** `127.0.0.1:port` */
  readonly tcp: string
  /** `unix:/path` */
  readonly unix: string
  /** A client with the owner's token; by TCP unless `address` says otherwise. */
  grpc(options?: GrpcClientOptions & { readonly address?: string }): GrpcClient
}

export async function startGrpcBroker(t: Teardown, { config = {}, ...options }: BrokerOptions = {}): Promise<GrpcBroker> {
  const local = await startBroker(t, { ...options, config: { gateway: { enabled: false }, nats: false, ...config, grpc: { port: 0, ...(config as { grpc?: object }).grpc } } })
  const tcp = new URL(local.broker.grpcAddress ?? 'http://none').host
  return Object.assign(local, {
    tcp,
    unix: `unix:${local.broker.grpcSocketPath}`,
    grpc: ({ address = tcp, ...how }: GrpcClientOptions & { readonly address?: string } = {}) => new GrpcClient(t, address, { token: local.token, ...how }),
  })
}
