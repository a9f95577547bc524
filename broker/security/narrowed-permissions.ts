// Permissions of principals made narrower by what a client presented, one for all connections with the same; and the
// indexes of all permissions. Knows no connections.

import type { PatternRules } from '../ground/types.ts'
import type { Narrowing } from './authenticator.ts'
import { Permissions } from './permissions.ts'

interface Shared {
  readonly permissions: Permissions
  readonly among: Map<string, Shared>
  readonly key: string
  users: number
}

export class NarrowedPermissions {
  readonly #onChange: () => void
  // By the permissions that they narrow: a principal whose permissions were changed has others from then on.
  readonly #within = new WeakMap<Permissions, Map<string, Shared>>()
  readonly #shared = new Map<Permissions, Shared>()
  /** Those with a rule that names the last token of a subject. */
  readonly #naming = new Set<Permissions>()
  readonly #freeIndexes: number[] = []
  #nextIndex = 0

  /** `onChange`: what was remembered of verdicts, and of what they depend on, holds no longer. */
  constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /** One that no other permissions have. */
  newIndex(): number {
    return this.#nextIndex++
  }

  /**
   * Permissions that allow what both `within` and the narrowing do; to be given back.
   * @throws BrokerError `pattern.invalid`
   */
  take(within: Permissions, { publish, subscribe }: Narrowing): Permissions {
    const key = JSON.stringify([publish, subscribe])
    let among = this.#within.get(within)
    if (among === undefined) this.#within.set(within, (among = new Map<string, Shared>()))
    let shared = among.get(key)
    if (shared === undefined) {
      const rules = { name: within.name, roles: within.roles, publish: narrower(within.publish, publish), subscribe: narrower(within.subscribe, subscribe) }
      const permissions = new Permissions(rules, this.#freeIndexes.pop() ?? this.newIndex(), within)
      shared = { permissions, among, key, users: 0 }
      among.set(key, shared)
      this.#shared.set(permissions, shared)
      if (namesLast(publish) || namesLast(subscribe)) this.#naming.add(permissions)
      this.#onChange()
    }
    shared.users++
    return shared.permissions
  }

  /** A connection that had them is gone. Permissions that are not narrowed are passed over. */
  giveBack(permissions: Permissions): void {
    const shared = this.#shared.get(permissions)
    if (shared === undefined || --shared.users > 0) return
    shared.among.delete(shared.key)
    this.#shared.delete(permissions)
    this.#naming.delete(permissions)
    this.#freeIndexes.push(permissions.index)
  }

  /** As Permissions.namesNext, of any that is in use. */
  namesNext(prefix: readonly string[]): boolean {
    for (const permissions of this.#naming) if (permissions.namesNext(prefix)) return true
    return false
  }
}

// For show, too: what is allowed is what was presented, and what either denies is denied.
function narrower(own: PatternRules, presented: PatternRules): PatternRules {
  return { allow: presented.allow.length === 0 ? own.allow : presented.allow, deny: [...own.deny, ...presented.deny] }
}

function namesLast({ allow, deny }: PatternRules): boolean {
  return [...allow, ...deny].some((pattern) => !pattern.endsWith('>') && !pattern.endsWith('*'))
}
