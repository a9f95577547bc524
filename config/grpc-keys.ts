// The block `grpc`: where gRPC is spoken. Without it nothing of gRPC is loaded.

import { defaultGrpc as grpc } from '../broker/ground/settings.ts'
import { defaulted, map, optional } from './keys.ts'
import { count, flag, listenHost, path } from './kinds.ts'

const MAX_PORT = 65_535
const MAX_SOCKETS = 1_000_000
const MAX_CALLS = 100_000

export const grpcBlock = optional(
  map({
    tcp: defaulted(flag, grpc.hasPort, 'Open the TCP port; false: the Unix socket alone.'),
    host: defaulted(listenHost, grpc.host, 'Where to listen. Beyond this machine there is no TLS: who is on the way can read along.'),
    port: defaulted(count(0, MAX_PORT), grpc.port, 'The port; 0: any that is free. One that is taken ends the start.'),
    socket: optional(path, '`grpc.sock` in the home', 'The Unix socket.'),
    maxConnections: defaulted(count(0, MAX_SOCKETS), grpc.maxConnections, 'Most HTTP/2 connections at a time, of both together. 0: as many as the broker may have.'),
    maxCalls: defaulted(count(1, MAX_CALLS), grpc.maxCalls, 'Most calls at a time on one of them, open streams among them; others wait in the client.'),
    reflection: defaulted(flag, grpc.hasReflection, 'Tell clients by reflection which services and messages there are.'),
  }),
  'no gRPC',
  'The gRPC service beside the other ways in; `grpc: {}` opens it as the defaults below say.',
)
