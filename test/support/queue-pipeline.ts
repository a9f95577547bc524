// A pipeline with a queue channel over a store that answers when a test says so.

import { defaultQueue, type QueueSettings } from '../../broker/ground/store-settings.ts'
import { FakeStore, type FakeQueue } from './fake-store.ts'
import { PipelineRig, type PipelineSetup } from './pipeline.ts'

export class QueuePipeline extends PipelineRig {
  readonly store = new FakeStore()

  constructor(setup?: PipelineSetup) {
    super(setup)
    this.core.queues.source = () => Promise.resolve(this.store)
  }

  /** What the actor of a channel of mode `queue` does when it starts. */
  async openQueue(name: string, settings: Partial<QueueSettings> = {}): Promise<FakeQueue> {
    this.openChannel({ name, mode: 'queue' })
    await this.core.queues.open(name, { ...defaultQueue, ...settings }, this.core.accounts.channel(name)!)
    this.core.routes.invalidate(name.split('.'))
    return this.store.queues.get(name)!
  }

  /** Lets the store answer, and what it says leave. */
  async settle(): Promise<void> {
    await new Promise(setImmediate)
    this.turn()
  }
}
