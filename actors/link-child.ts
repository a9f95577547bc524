// The link to NATS servers as a child of its supervisor: it runs with or without a server, and is made anew when it fails.

import type { Core } from '../broker/core.ts'
import type { MovedBus } from '../broker/ground/handover.ts'
import type { NatsBusSettings } from '../broker/ground/settings.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import type { NatsBus } from '../broker/upstream/nats/nats-bus.ts'
import type { LinkStatus } from '../broker/upstream/nats/link-options.ts'
import { NatsLink } from '../broker/upstream/nats/nats-link.ts'
import { linkMachine } from '../machines/link.ts'
import { Actor } from './actor.ts'
import { backoffMs } from './backoff.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'

export interface LinkParts {
  readonly settings: NatsBusSettings
  readonly bus: NatsBus
  readonly pipeline: Pipeline
  readonly version: string
  /** Of the process of this broker before this one: its first incarnation goes on with that. */
  readonly moved: MovedBus | undefined
  /** The process before this one does not come back for the link. */
  readonly mayJoin: () => boolean
  /** Told of the link of each incarnation, and of its end. */
  readonly onLink: (link: NatsLink | undefined) => void
  /** Before the broker leaves the servers, in order. */
  readonly onDrain: () => Promise<void>
}

/** Room for headers beside the largest payload. bytes */
const HEADERS_BYTES = 64 * 1024

export function linkChild({ settings, bus, pipeline, version, moved, mayJoin, onLink, onDrain }: LinkParts, environment: Environment): ChildSpec {
  const id = 'link.nats'
  const { core } = pipeline
  let inherited = moved
  return {
    id,
    kind: 'link',
    restart: 'permanent',
    backoff: settings.backoff,
    create: () => {
      let link: NatsLink | undefined
      return new Actor({
        id,
        kind: 'link',
        machine: linkMachine,
        environment,
        behaviour: {
          init(scope) {
            const before = inherited
            inherited = undefined
            const made = new NatsLink({
              settings,
              bus,
              moved: before?.link,
              join: (busLink, dialect) => pipeline.join(busLink, dialect, before?.number),
              names: namesOf(core),
              broker: core.broker,
              incarnation: core.incarnation,
              version,
              maxMessageBytes: core.settings.ipc.performance.maxMessageBytes + HEADERS_BYTES,
              requestTimeoutMs: core.settings.nats.requestTimeoutMs,
              deadlines: core.deadlines,
              nowMs: () => core.clock.monotonicMs(),
              random: Math.random,
              backoffMs: (failures) => backoffMs(settings.backoff, failures, Math.random()),
              log: scope.log,
              onEdge: (edge) => scope.send({ type: edge }),
              onEnded: (reason) => scope.fail(reason),
            })
            link = made
            onLink(made)
            scope.defer(() => {
              onLink(undefined)
              return made.close()
            })
            made.start(mayJoin())
          },
          async drain() {
            await onDrain()
            await link?.drain()
          },
          detail: () => (link === undefined ? '' : detailOf(link.status(), bus.interest.counts)),
        },
      })
    },
  }
}

function detailOf({ state, server, rttMs, sinceMs, problem }: LinkStatus, { patterns, groups }: { readonly patterns: number; readonly groups: number }): string {
  const since = `since ${Math.round(sinceMs / 1000)} s`
  if (state !== 'joined') return [`${state} ${since}`, ...(problem === undefined ? [] : [problem])].join(', ')
  return `joined ${server} ${since}, rtt ${rttMs.toFixed(1)} ms, ${patterns} patterns, ${groups} groups`
}

function namesOf({ directory, broker, incarnation }: Core): { nameOf(origin: number): string; textId(origin: number, id: number): string } {
  return { nameOf: (origin) => directory.nameOf(origin), textId: (origin, id) => `${broker}.${incarnation}.${origin}.${id}` }
}
