// The principals of the configuration as they are now, and what changes when it is read again.

import type { PrincipalSettings } from '../broker/ground/settings.ts'
import type { Pipeline } from '../broker/pipeline.ts'
import { Reauthorisation } from '../broker/reauthorisation.ts'
import { addConfigured, readProofs, type ReadProofs } from './principals.ts'

interface Held {
  readonly settings: PrincipalSettings
  readonly proofs: ReadProofs
  readonly permissions: ReturnType<typeof addConfigured>
}

export class ConfiguredPrincipals {
  readonly #pipeline: Pipeline
  #held = new Map<string, Held>()

  /** @throws BrokerError `config.invalid` when a credential cannot be read */
  constructor(pipeline: Pipeline, principals: readonly PrincipalSettings[]) {
    this.#pipeline = pipeline
    for (const settings of principals) this.#add(settings, readProofs(settings))
  }

  /**
   * Takes over what the configuration says now. Who left it, or has another credential, is ended; who has other
   * permissions goes on with them. Each credential is read before anything changes.
   * @throws BrokerError `config.invalid`
   */
  replace(principals: readonly PrincipalSettings[]): void {
    const { core } = this.#pipeline
    const reauthorisation = new Reauthorisation(core, this.#pipeline)
    const next = principals.map((settings) => ({ settings, proofs: readProofs(settings) }))
    const before = this.#held
    this.#held = new Map()
    const names = new Set(principals.map(({ name }) => name))
    for (const [name, { permissions }] of before) {
      if (names.has(name)) continue
      core.authenticator.remove(permissions)
      reauthorisation.revoked(name)
    }
    for (const { settings, proofs } of next) {
      const old = before.get(settings.name)
      if (old !== undefined && isSame(old.settings, settings) && isSame(proofsOf(old), proofsOf({ proofs }))) {
        this.#held.set(settings.name, old)
        continue
      }
      const permissions = this.#add(settings, proofs)
      if (old === undefined) continue
      if (isSame(proofsOf(old), proofsOf({ proofs }))) reauthorisation.changed(settings.name, permissions)
      else reauthorisation.revoked(settings.name)
    }
  }

  #add(settings: PrincipalSettings, proofs: ReadProofs): Held['permissions'] {
    const permissions = addConfigured(this.#pipeline.core, settings, proofs)
    this.#held.set(settings.name, { settings, proofs, permissions })
    return permissions
  }
}

function proofsOf({ proofs }: Pick<Held, 'proofs'>): readonly unknown[] {
  return [proofs.token, proofs.nkey?.text, proofs.account]
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
