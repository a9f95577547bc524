// The published proto file, as any client or server loads it.

import { join } from 'node:path'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

export function gatewayDefinition(): ServiceDefinition {
  const options = { includeDirs: [join(import.meta.dirname, '../../proto')], longs: Number, enums: String, defaults: true, oneofs: true }
  return loadSync('callboard/v1/gateway.proto', options)['callboard.v1.GatewayService'] as ServiceDefinition
}
