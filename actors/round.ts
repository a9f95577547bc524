// One round of an actor's life, from an init to the next or to the end: what it may say, and what it owns. Knows no chart.

import { BrokerError } from '../broker/ground/errors.ts'
import type { Log } from '../broker/ground/types.ts'
import type { ActorScope } from './behaviour.ts'
import { ReleaseStack } from './release-stack.ts'

export class Round<Signal> {
  readonly scope: ActorScope<Signal>
  readonly releases: ReleaseStack
  readonly #abort = new AbortController()
  readonly #id: string

  constructor(id: string, log: Log, voice: Pick<ActorScope<Signal>, 'send' | 'fail' | 'finish'>) {
    this.#id = id
    this.releases = new ReleaseStack(log)
    this.scope = { id, log, signal: this.#abort.signal, defer: release => this.releases.defer(release), ...voice }
  }

  /** Tells what was begun in this round that it is no longer wanted. */
  abort(): void {
    this.#abort.abort(new BrokerError('actor.ended', { actor: this.#id }))
  }

  /** True for what work throws because it was aborted: the signal's reason, or the AbortError that Node makes of it. */
  isInterruption(thrown: unknown): boolean {
    return this.#abort.signal.aborted && (thrown === this.#abort.signal.reason || (thrown instanceof Error && thrown.name === 'AbortError'))
  }
}
