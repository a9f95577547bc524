// Steps that take something back, in the reverse of their order: one that fails is logged and keeps none of the others up.

import { BrokerError } from '../../broker/ground/errors.ts'
import type { Log } from '../../broker/ground/types.ts'

type Step = () => void | Promise<void>

export class Undo {
  readonly #log: Log
  readonly #steps: { readonly what: string; readonly step: Step }[] = []

  constructor(log: Log) {
    this.#log = log
  }

  /** From now on `step` is among what is taken back; `what` names it in the log. */
  add(what: string, step: Step): void {
    this.#steps.push({ what, step })
  }

  /** Takes all back, the last first, each once. */
  async run(): Promise<void> {
    for (let next = this.#steps.pop(); next !== undefined; next = this.#steps.pop()) {
      const { what, step } = next
      try {
        await step()
      } catch (error) {
        this.#log.error({ step: what, err: BrokerError.from(error) }, 'a step of the upgrade was not taken back; the broker goes on without')
      }
    }
  }
}
