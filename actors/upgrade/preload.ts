// Loads what a broker of these settings needs, so that taking over is not held up by it.

import type { Settings } from '../../broker/ground/settings.ts'
import { storeOpener } from '../store-backends.ts'

export async function preload({ gateway, grpc, nats, bus, store }: Settings): Promise<void> {
  await Promise.all([
    gateway.enabled ? import('../gateway.ts') : undefined,
    gateway.enabled || nats.monitor !== undefined ? import('../monitoring.ts') : undefined,
    nats.enabled && nats.websocket !== undefined ? import('../nats-websocket.ts') : undefined,
    grpc === undefined ? undefined : import('../grpc-port.ts'),
    bus.nats === undefined ? undefined : import('../joined-bus.ts'),
    storeOpener(store.backend),
  ])
}
