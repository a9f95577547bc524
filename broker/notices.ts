// Tells clients what the broker is now, where their dialect has a word for it and they read it at any time.

import type { Connection } from './connection.ts'
import type { Core } from './core.ts'
import type { Dialects } from './pipeline-options.ts'

export class Notices {
  readonly #core: Core
  readonly #dialects: Dialects

  constructor(core: Core, dialects: Dialects) {
    this.#core = core
    this.#dialects = dialects
  }

  /** Settings that the greeting shows have changed. */
  tellAll(): void {
    for (const connection of this.#core.directory.all()) this.tell(connection)
  }

  /** `isLeaving`: the client should go elsewhere. */
  tell(connection: Connection, isLeaving = false): void {
    const notice = connection.isEnding ? undefined : this.#dialects.notice(connection, isLeaving)
    if (notice !== undefined) this.#core.sendBytes(connection, notice)
  }
}
