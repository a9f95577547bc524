// The supervision tree of a broker: the only place that composes actors.
//
//   broker ─ root ─┬─ core ─┬─ store                 of queues, opened with the first of them
//                  │        ├─ pool
//                  │        ├─ registry              of instances under their names
//                  │        └─ channels ─── channel.command, channel.events …
//                  ├─ upstream ── link.nats          where the broker joins NATS servers
//                  ├─ agents ── agent.system …
//                  └─ edge ─┬─ connections ─── conn-1, conn-2 …
//                           ├─ listener.unix
//                           ├─ listener.nats
//                           └─ listener.gateway
//
// Started from top to bottom and stopped from bottom to top: first nobody new is let in, then connections are told,
// then agents end, and channels go last.

import { ChannelBook } from '../broker/channel-book.ts'
import type { Connection, ConnectionEvent } from '../broker/connection.ts'
import type { Core } from '../broker/core.ts'
import type { ChannelShare } from '../broker/ground/channel-share.ts'
import type { HomePaths } from '../broker/ground/home.ts'
import type { Settings } from '../broker/ground/settings.ts'
import type { ActorInfo, ChannelSpec, Link, Listener } from '../broker/ground/types.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import type { Environment } from './behaviour.ts'
import { ChannelSharing } from './channel-sharing.ts'
import { channelChild, forgetQueue } from './channel-child.ts'
import type { ChildSpec } from './child-spec.ts'
import { ConnectionActor } from './connection-actor.ts'
import type { Fleet } from './fleet.ts'
import { listenerChild } from './listener-child.ts'
import { poolChild } from './pool-child.ts'
import { registryChild } from './registry-child.ts'
import { storeChild } from './store-child.ts'
import type { Strategy } from './strategy.ts'
import { Supervisor } from './supervisor.ts'

/** Connections that `tree` lists; of more it says how many there are. */
const LISTED_CHILDREN = 100

export interface TreeOptions {
  readonly settings: Settings
  readonly paths: HomePaths
  readonly environment: Environment
  readonly pipeline: Pipeline
  readonly fleet: Fleet
  /** What leads to other brokers; undefined: this one is alone. */
  readonly upstream?: ChildSpec | undefined
  /** Those who have channels in common with this broker; undefined: nobody has. */
  readonly share?: ChannelShare | undefined
  /** By name, what opens each listener; nothing comes of it where the broker is to run without it. */
  readonly listeners: Readonly<Record<string, (onLink: (link: Link) => void) => Promise<Listener | undefined>>>
}

export class Tree {
  readonly root: Supervisor
  /** For those who share channels with this broker. */
  readonly sharing: ChannelSharing
  readonly #options: TreeOptions
  readonly #core: Core
  readonly #book: ChannelBook
  // Those of the current incarnation: a branch that failed is made anew.
  #channels!: Supervisor
  #connections!: Supervisor
  #edge!: Supervisor
  readonly #connectionActors = new Map<Connection, ConnectionActor>()

  constructor(options: TreeOptions) {
    const { environment, pipeline, fleet } = options
    this.#options = options
    this.#core = pipeline.core
    this.#book = new ChannelBook(pipeline.core, options.paths.channels)
    this.sharing = new ChannelSharing(pipeline.core, this.#book, (spec) => this.#startChannel(spec), (name) => this.#stopChannel(name, false))
    const supervisor = (id: string, strategy: Strategy, children: readonly ChildSpec[]): Supervisor => new Supervisor({ id, strategy, children, environment })
    const channels = branch(() => (this.#channels = supervisor('channels', 'oneForOne', this.#book.specs().map((spec) => channelChild(this.#core, spec, environment)))))
    const agents = branch(() => fleet.supervise())
    const connections = branch(() => (this.#connections = supervisor('connections', 'oneForOne', [])))
    const listeners = Object.entries(options.listeners).map(([name, open]) => listenerChild(name, () => open((link) => this.#accept(link)), environment))
    const core = branch(() => supervisor('core', 'restForOne', [storeChild(this.#core, options.paths.home, environment), poolChild(this.#core, environment), registryChild(this.#core, environment), channels]))
    const edge = branch(() => (this.#edge = supervisor('edge', 'restForOne', [connections, ...listeners])))
    const { upstream: link } = options
    // Losing it is never a reason to end: it is made anew as often as it fails.
    const upstream = link === undefined ? [] : [branch(() => new Supervisor({ id: 'upstream', strategy: 'restForOne', intensity: Infinity, environment, children: [link] }))]
    this.root = supervisor('root', 'oneForOne', [core, ...upstream, agents, edge])
  }

  info(): ActorInfo {
    return this.root.info(LISTED_CHILDREN)
  }

  /** Closes some of the listeners ahead of the stop: nobody new comes in by them. */
  async closeListeners(isMeant: (name: string) => boolean): Promise<void> {
    for (const name of Object.keys(this.#options.listeners).filter(isMeant)) await this.#edge.stopChild(`listener.${name}`)
  }

  /** An edge in a connection's life, as the data plane raises it. */
  connectionEvent(connection: Connection, event: ConnectionEvent): void {
    if (event === 'accepted') return this.#adopt(connection)
    this.#connectionActors.get(connection)?.take(event)
    if (event === 'closed') this.#connectionActors.delete(connection)
    if (connection.instance !== undefined) this.#options.fleet.connectionEvent(connection.instance, connection, event)
  }

  startChannel(spec: ChannelSpec): Promise<void> {
    const { share } = this.#options
    return share === undefined || !this.sharing.isShared(spec) ? this.#startChannel(spec) : share.create(spec, () => this.#startChannel(spec))
  }

  /**
   * A queue is deleted with all that it holds.
   * @throws BrokerError `queue.not_empty` unless it is forced, `store.*`
   */
  async stopChannel(name: string, isForced: boolean): Promise<void> {
    const { share } = this.#options
    await this.#core.queues.vacate(name, isForced)
    const spec = this.#core.channels.find(name)
    try {
      if (share === undefined || spec === undefined || !this.sharing.isShared(spec)) await this.#stopChannel(name, true)
      else await share.remove(name, () => this.#stopChannel(name, true))
    } catch (error) {
      // Where others could not be told it stays, and takes messages again.
      this.#core.queues.keep(name)
      throw error
    }
  }

  async #startChannel(spec: ChannelSpec): Promise<void> {
    await this.#channels.startChild(channelChild(this.#core, spec, this.#options.environment))
    try {
      await this.#book.save()
    } catch (error) {
      // Whoever is told that it failed must not find it half there: in this run, gone after the next start.
      await this.#endChannel(spec, false)
      throw error
    }
  }

  async #stopChannel(name: string, isDeleted: boolean): Promise<void> {
    await this.#endChannel(this.#core.channels.get(name), isDeleted)
    await this.#book.save()
  }

  async #endChannel(spec: ChannelSpec, isDeleted: boolean): Promise<void> {
    await this.#channels.removeChild(`channel.${spec.name}`)
    if (spec.mode === 'queue') await forgetQueue(this.#core, spec, isDeleted)
  }

  #accept(link: Link): void {
    this.#options.pipeline.accept(link)
  }

  #adopt(connection: Connection): void {
    const actor = new ConnectionActor(this.#core, connection)
    this.#connectionActors.set(connection, actor)
    if (!this.#connections.adopt(actor)) connection.link.destroy()
  }
}

// A supervisor as a child of another. It serves one incarnation; the first is made at once, so that the specs of the
// whole tree are checked before anything starts.
function branch(make: () => Supervisor): ChildSpec {
  let first: Supervisor | undefined = make()
  return {
    id: first.id,
    kind: 'supervisor',
    restart: 'permanent',
    create() {
      const supervisor = first ?? make()
      first = undefined
      return supervisor
    },
  }
}
