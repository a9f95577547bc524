// Who calls a method.

import type { Role } from '../ground/types.ts'

export interface Caller {
  readonly principal: string
  readonly roles: readonly Role[]
  /** `conn-<origin>` */
  readonly connection: string
  readonly client: string
}
