// A client of gRPC's own health service, as load balancers have one.

import { credentials, makeGenericClientConstructor, Metadata, type Client, type ClientReadableStream, type ServiceError } from '@grpc/grpc-js'
import { service } from 'grpc-health-check'
import { MessageQueue } from '../../client/message-queue.ts'
import type { Teardown } from './temporary-directory.ts'

interface Health {
  readonly status: string
}

type Caller = Client & {
  check(request: object, done: (error: ServiceError | null, health: Health) => void): void
  watch(request: object, metadata: Metadata): ClientReadableStream<Health>
}

export class HealthClient {
  readonly #client: Caller

  constructor(t: Teardown, address: string) {
    const Constructor = makeGenericClientConstructor(service, 'Health')
    this.#client = new Constructor(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }) as unknown as Caller
    t.teardown(() => this.#client.close())
  }

  /** Its status, or the code with which the call fails. */
  check(name: string): Promise<string | number> {
    return new Promise(resolve => this.#client.check({ service: name }, (error, health) => resolve(error === null ? health.status : error.code)))
  }

  /** Statuses as they come; `ended` when no more do. */
  watch(name: string, token?: string): { next(): Promise<string> } {
    const metadata = new Metadata()
    if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
    const statuses = new MessageQueue<Health>()
    const call = this.#client.watch({ service: name }, metadata)
    call.on('data', (health: Health) => statuses.push(health))
    call.on('error', () => {})
    call.on('close', () => statuses.end())
    return { next: async () => (await statuses.next()).value?.status ?? 'ended' }
  }
}
