// A channel as a child of its supervisor: while it runs, its name owns subjects and it has an account. One of mode `queue` opens
// its queue first, so that nothing is published there that nobody keeps.

import type { Core } from '../broker/core.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { queueWith } from '../broker/ground/queue-overrides.ts'
import type { ChannelSpec } from '../broker/ground/types.ts'
import { channelMachine } from '../machines/channel.ts'
import { Actor } from './actor.ts'
import type { ActorScope, Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'

/** Opening a queue with ten million messages takes seconds after a crash, and closing one waits for the disk. ms */
const QUEUE_START_MS = 60_000
const QUEUE_STOP_MS = 30_000

/** The child `channel.<name>`. A deleted channel ends with `normal` and is not restarted. */
export function channelChild(core: Core, spec: ChannelSpec, environment: Environment): ChildSpec {
  const id = `channel.${spec.name}`
  const isQueue = spec.mode === 'queue'
  return {
    id,
    kind: 'channel',
    restart: 'transient',
    ...(isQueue ? { startMs: QUEUE_START_MS, shutdownMs: QUEUE_STOP_MS } : {}),
    create: () =>
      new Actor({
        id,
        kind: 'channel',
        machine: channelMachine,
        environment,
        ...(isQueue ? { releaseMs: QUEUE_STOP_MS } : {}),
        behaviour: {
          init: (scope) => (isQueue ? openQueue(core, spec, scope) : open(core, spec, scope)),
          detail: () => `${spec.mode}, ${core.accounts.channel(spec.name)?.accepted ?? 0} accepted${isQueue ? depthOf(core, spec.name) : ''}`,
        },
      }),
  }
}

// As of a second ago: the tree does not wait for a store.
function depthOf(core: Core, name: string): string {
  const counts = core.queueFigures.counts(name)
  if (counts === undefined) return ''
  const { ready, delayed, held, inFlight, deadLetters } = counts
  return `, ${ready + delayed + held + inFlight} waiting, ${deadLetters} dead`
}

function open(core: Core, spec: ChannelSpec, scope: ActorScope<never>): void {
  const tokens = spec.name.split('.')
  core.channels.add(spec)
  core.accounts.open(spec.name, core.settings.channels.find(({ name }) => name === spec.name)?.flow)
  core.routes.invalidate(tokens)
  // Who is here gets what others publish there, subscribed or not.
  const unasked = spec.mode === 'broadcast' ? [spec.name, `${spec.name}.>`] : []
  for (const pattern of unasked) core.bus.interested(pattern, undefined)
  scope.defer(() => {
    for (const pattern of unasked) core.bus.lostInterest(pattern, undefined)
    forget(core, spec)
  })
}

// While its actor is down its name is its own even so: what is published there is refused by name, not lost among subjects that
// belong to nobody. It goes with `forgetQueue`, when it is deleted.
async function openQueue(core: Core, spec: ChannelSpec, scope: ActorScope<never>): Promise<void> {
  const { settings, accounts, channels, queues } = core
  const isNew = channels.find(spec.name) === undefined
  const account = accounts.channel(spec.name) ?? accounts.open(spec.name, settings.channels.find(({ name }) => name === spec.name)?.flow)
  try {
    const queue = await queues.open(spec.name, queueWith(settings.queue.defaults, spec.queue), account)
    scope.defer(() => queue.close(new BrokerError('store.unavailable', { backend: settings.store.backend, problem: `queue "${spec.name}" is closed` })))
  } catch (error) {
    if (isNew) accounts.retire(spec.name)
    throw error
  }
  channels.add(spec)
  core.routes.invalidate(spec.name.split('.'))
}

/** Takes the name of a channel of mode `queue`, whose actor has ended, from its queue, and deletes what the queue holds where `isDeleted`. */
export async function forgetQueue(core: Core, spec: ChannelSpec, isDeleted: boolean): Promise<void> {
  const queue = core.queues.find(spec.name)
  if (queue !== undefined) core.queues.forget(queue, new BrokerError('channel.not_found', { channel: spec.name }))
  forget(core, spec)
  if (isDeleted) await core.queues.remove(spec.name)
}

function forget(core: Core, { name }: ChannelSpec): void {
  core.channels.remove(name)
  core.accounts.retire(name)
  core.routes.invalidate(name.split('.'))
}
