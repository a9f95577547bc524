// Sessions on their way from one process of a broker to another, played by a test: told of it, handed over, and come for.

import { encode } from '@msgpack/msgpack'
import type { HandedOver } from '../../broker/ground/handover.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { NativeClient, ReceivedFrame } from './memory-client.ts'
import type { PipelineRig } from './pipeline.ts'

/** No session is of an agent. */
export const nobody = { isFormer: () => false, onFormer: (): void => {} }

export interface Offer {
  readonly session: string
  readonly secret: string
}

export const offerTo = (client: NativeClient): Offer => client.frames().find(({ kind }) => kind === Kind.moving)!.body as Offer

export const confirm = (rig: PipelineRig, client: NativeClient, received = 0): void => {
  client.send({ kind: Kind.ack, payload: encode({ received }) })
  rig.turn()
}

/** Comes for the session in another process; what it got, the welcome first. */
export function come(rig: PipelineRig, { session, secret }: Offer, received: number): { client: NativeClient; frames: ReceivedFrame[]; welcome: Record<string, unknown> } {
  const client = rig.link()
  client.control(Kind.hello, 0, { auth: { token: 'owner-token' }, moves: true, resume: { session, secret, received } })
  const frames = client.frames()
  const welcome = frames[0]!.body as Record<string, unknown>
  client.continueAbove(Number(welcome['lastId']))
  return { client, frames: frames.slice(1), welcome }
}

/** As it is on the way: nothing of the one process is left in it. */
export const handedOver = (from: PipelineRig): HandedOver => structuredClone(from.pipeline.departing.hold([]))

/** Clients that move, told and confirmed; what each was offered. */
export async function moving(rig: PipelineRig, count: number): Promise<{ client: NativeClient; offer: Offer }[]> {
  const clients = Array.from({ length: count }, () => rig.native({ moves: true }))
  rig.pipeline.departing.tell(undefined)
  const all = clients.map(client => ({ client, offer: offerTo(client) }))
  for (const client of clients) confirm(rig, client)
  await rig.pipeline.departing.known(1000)
  return all
}
