// Asks a gRPC server by reflection which services it has.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { credentials, loadPackageDefinition, Metadata, type Client, type ClientDuplexStream } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { Teardown } from './temporary-directory.ts'

const proto = join(dirname(createRequire(import.meta.url).resolve('@grpc/reflection')), '../proto/grpc/reflection/v1/reflection.proto')

interface Answer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
}

/** Full names; rejects with the error of the call. */
export function reflectedServices(t: Teardown, address: string, token: string): Promise<string[]> {
  const { grpc } = loadPackageDefinition(loadSync(proto)) as unknown as { grpc: { reflection: { v1: { ServerReflection: new (address: string, how: object) => Client } } } }
  const client = new grpc.reflection.v1.ServerReflection(address, credentials.createInsecure())
  t.teardown(() => client.close())
  const metadata = new Metadata()
  metadata.set('authorization', `Bearer ${token}`)
  return new Promise((resolve, reject) => {
    const call = (client as unknown as { ServerReflectionInfo(metadata: Metadata): ClientDuplexStream<object, Answer> }).ServerReflectionInfo(metadata)
    call.on('data', ({ listServicesResponse }: Answer) => {
      call.cancel()
      resolve((listServicesResponse?.service ?? []).map(({ name }) => name))
    })
    call.on('error', reject)
    call.write({ listServices: '' })
  })
}
