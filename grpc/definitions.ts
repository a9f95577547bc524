// The proto files of the service, loaded: methods, and how their messages become bytes. Knows nothing of what they mean.

import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { ServiceDefinition } from '@grpc/grpc-js'
import { loadSync, type MessageTypeDefinition, type Options, type PackageDefinition } from '@grpc/proto-loader'
import { reflected } from './reflected.ts'
import type { ErrorInfo, Event, RpcStatus } from './messages.ts'

const directory = join(import.meta.dirname, '../proto')
// Numbers are enough: what is 64 bits wide are times, positions and counts below 2^53.
const options: Options = { includeDirs: [directory], longs: Number, enums: String, defaults: true, oneofs: true }

const servicePackage: PackageDefinition = loadSync('callboard/v1/gateway.proto', options)
const rpcPackage = loadSync('google/rpc/status.proto', options)

const own = servicePackage['callboard.v1.GatewayService'] as ServiceDefinition

/** `callboard.v1.GatewayService`, whose events are written ahead: they leave later than the memory lasts that they are made of. */
export const gatewayService: ServiceDefinition = { ...own, Subscribe: { ...own['Subscribe']!, responseSerialize: (bytes: Buffer) => bytes } }

/** What clients may look up by reflection: names as the files have them. */
export function reflectedPackage(): PackageDefinition {
  const health = join(createRequire(import.meta.url).resolve('grpc-health-check'), '../../../proto')
  return reflected(loadSync(['callboard/v1/gateway.proto', 'health/v1/health.proto'], { ...options, keepCase: true, includeDirs: [directory, health] }))
}

export const writeEvent = writer(servicePackage['callboard.v1.Event']) as (event: Event) => Buffer
export const writeStatus = writer(rpcPackage['google.rpc.Status']) as (status: RpcStatus) => Buffer
export const writeErrorInfo = writer(rpcPackage['google.rpc.ErrorInfo']) as (info: ErrorInfo) => Buffer

function writer(type: PackageDefinition[string] | undefined): (value: object) => Buffer {
  return (type as MessageTypeDefinition<object, object>).serialize
}
