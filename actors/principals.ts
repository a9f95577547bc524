// Gives the configured principals, the owner and each agent's incarnation their credentials.

import { readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { AgentCredential } from '../agents/local-agent.ts'
import type { Core } from '../broker/core.ts'
import { BrokerError } from '../broker/ground/errors.ts'
import { readNkey, type Nkey } from '../broker/ground/nkey.ts'
import type { AccountRules, PrincipalSettings } from '../broker/ground/settings.ts'
import type { PatternRules } from '../broker/ground/types.ts'

const EVERYTHING: PatternRules = { allow: ['>'], deny: [] }

/** The owner has the home's token; he may do everything that a client may, and administer. */
export function addOwner(core: Core, token: string): void {
  core.addPrincipal({ name: 'owner', roles: ['admin', 'client'], publish: EVERYTHING, subscribe: EVERYTHING }, { token })
}

/** A principal's credential as it was read. */
export interface ReadProofs {
  readonly token: string | undefined
  readonly nkey: Nkey | undefined
  readonly account: AccountRules | undefined
}

/** @throws BrokerError `config.invalid` when a token file cannot be read or is empty, or the nkey is none */
export function readProofs({ name, token, tokenFile, nkey, account }: PrincipalSettings): ReadProofs {
  const key = nkey === undefined ? undefined : readNkey(nkey)
  if (nkey !== undefined && (key === undefined || key.kind === 'operator')) throw new BrokerError('config.invalid', { problem: `principal "${name}": its nkey is not the public key of a user (U…) or an account (A…)` })
  return { token: token ?? (tokenFile === undefined ? undefined : readToken(name, tokenFile)), nkey: key, account }
}

export function addConfigured(core: Core, { name, roles, publish, subscribe, responses, groups }: PrincipalSettings, proofs: ReadProofs): ReturnType<Core['addPrincipal']> {
  return core.addPrincipal({ name, roles, publish, subscribe, responses, groups }, proofs)
}

/** A credential that serves one incarnation of an agent; `token`: one that another process of this broker has given out for it. */
export function issueAgentCredential(core: Core, agent: string, token: string = randomBytes(32).toString('base64url')): AgentCredential {
  const name = `agent:${agent}`
  const permissions = core.addPrincipal({ name, roles: ['agent'], publish: EVERYTHING, subscribe: EVERYTHING }, { token })
  return { token, revoke: () => core.authenticator.remove(permissions) }
}

function readToken(principal: string, path: string): string {
  let token: string
  try {
    token = readFileSync(path, 'utf8').split('\n', 1)[0]!.trim()
  } catch (error) {
    throw new BrokerError('config.invalid', { problem: `principal "${principal}": the token file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}` }, { cause: error })
  }
  if (token === '') throw new BrokerError('config.invalid', { problem: `principal "${principal}": the token file ${path} is empty` })
  return token
}
