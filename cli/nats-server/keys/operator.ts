// The keys of operator mode: an operator's JWT, and those of its accounts, whose users come with JWTs of their own. One
// account besides the system's can be served.

import { readFileSync } from 'node:fs'
import { hasSigned, readNkey } from '../../../broker/ground/nkey.ts'
import type { ConfNode, Place } from '../conf/node.ts'
import type { JwtAccount, ServerOptions } from '../options.ts'
import type { Notes } from './notes.ts'
import { keyTable, type KeyTable } from './reading.ts'
import { map, text, texts } from './values.ts'

const SECOND_MS = 1000
const FIRST_VERSION = 'ed25519'

interface Claims {
  readonly iss: string
  readonly sub: string
  readonly exp: number
  readonly nats: Readonly<Record<string, unknown>>
}

export class OperatorKeys {
  readonly #systemAccount: string | undefined
  /** Keys that sign for operators. */
  #signers: Set<string> | undefined
  #systemAccounts = new Set<string>()
  #place: Place | undefined
  #preload: ReadonlyMap<string, ConfNode> = new Map()

  constructor(systemAccount: string | undefined) {
    this.#systemAccount = systemAccount
  }

  table(): KeyTable<ServerOptions> {
    return keyTable<ServerOptions>(
      ['operator operators root roots root_operator root_operators', (node, _into, notes, key) => this.#readOperators(node, key, notes)],
      ['resolver account_resolver accounts_resolver', (node, _into, notes, key) => readResolver(node, key, notes)],
      ['resolver_preload', (node, _into, notes, key) => void (this.#preload = map(node, key, notes) ?? new Map())],
    )
  }

  /** When all keys are read: the accounts, if there is an operator. */
  finish(options: ServerOptions, notes: Notes): void {
    if (this.#signers === undefined) return
    const place = this.#place!
    if (options.authorization?.users !== undefined || options.accountUsers !== undefined) notes.problem(place, 'operator mode and users of this file exclude one another')
    const served: JwtAccount[][] = []
    for (const [key, node] of this.#preload) {
      const jwt = text(node, `resolver_preload.${key}`, notes)
      const account = jwt === undefined ? undefined : this.#account(key, jwt, node.at, notes)
      if (account !== undefined && key !== this.#systemAccount && !this.#systemAccounts.has(key)) served.push(account)
    }
    if (served.length > 1) notes.problem(place, `resolver_preload has ${served.length} accounts besides the system account; there is one space of subjects. Run a broker for each`)
    if (served.length === 0) notes.problem(place, 'operator mode needs resolver: MEMORY, and one account in resolver_preload')
    options.jwtAccounts = served.flat()
  }

  #readOperators(node: ConfNode, key: string, notes: Notes): void {
    this.#place = node.at
    this.#signers = new Set()
    for (const entry of texts(node, key, notes) ?? []) {
      const claims = readJwt(entry.startsWith('eyJ') ? entry : contentOf(entry), 'operator')
      if (claims === undefined) {
        notes.problem(node.at, `${key}: expected the JWT of an operator, or the file that holds one`)
        continue
      }
      this.#signers.add(claims.sub)
      for (const signer of stringsOf(claims.nats['signing_keys'])) this.#signers.add(signer)
      if (typeof claims.nats['system_account'] === 'string') this.#systemAccounts.add(claims.nats['system_account'])
    }
  }

  /** The keys that may sign for the account's users. */
  #account(key: string, jwt: string, at: Place, notes: Notes): JwtAccount[] | undefined {
    const claims = readJwt(jwt, 'account')
    if (claims === undefined || claims.sub !== key) return told(notes, at, `resolver_preload.${key} is not the JWT of that account`)
    if (!this.#signers!.has(claims.iss)) return told(notes, at, `resolver_preload.${key} was signed by ${claims.iss}, which is no key of the operator`)
    const unkept = ['imports', 'exports', 'mappings', 'revocations', 'default_permissions'].find((name) => !isEmpty(claims.nats[name]))
    if (unkept !== undefined) return told(notes, at, `the account ${key} has ${unkept}, which this broker does not keep to`)
    const signers = claims.nats['signing_keys']
    if (Array.isArray(signers) && signers.some((signer) => typeof signer !== 'string')) return told(notes, at, `the account ${key} has signing keys with a scope, which this broker does not keep to`)
    const limited = Object.entries((claims.nats['limits'] ?? {}) as Record<string, unknown>).find(([name, limit]) => ['subs', 'conn', 'data', 'payload'].includes(name) && limit !== -1 && limit !== 0)
    if (limited !== undefined) notes.warn(at, `the limit ${limited[0]} of the account ${key} has no effect: limits are those of the server`)
    return [key, ...stringsOf(signers)].map((nkey) => ({ nkey, expiresAtMs: claims.exp * SECOND_MS }))
  }
}

function readResolver(node: ConfNode, key: string, notes: Notes): void {
  const isMemory = node.kind === 'string' && /^mem(?:ory)?$/i.test(node.value.trim())
  if (!isMemory) notes.problem(node.at, `${key} is not supported unless it is MEMORY: accounts come from resolver_preload`)
}

/** The claims of a JWT that its issuer has signed; undefined when it is none of that type. */
function readJwt(jwt: string, type: 'operator' | 'account'): Claims | undefined {
  const [header = '', body = '', signature = ''] = jwt.trim().split('.')
  try {
    const parsed = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>
    const [{ alg }, { iss, sub, exp, nats, type: firstType }] = [parsed(header), parsed(body)]
    const issuer = typeof iss === 'string' ? readNkey(iss) : undefined
    // Before 2020 the type stood beside the rest, and the claims alone were signed.
    const isFirst = alg === FIRST_VERSION
    if (issuer?.kind !== 'operator' || typeof sub !== 'string' || readNkey(sub)?.kind !== type || typeof nats !== 'object' || nats === null) return undefined
    if ((isFirst ? firstType : (nats as { type?: unknown }).type) !== type) return undefined
    if (!hasSigned(issuer, Buffer.from(isFirst ? body : `${header}.${body}`), Buffer.from(signature, 'base64url'))) return undefined
    return { iss: issuer.text, sub, exp: typeof exp === 'number' ? exp : 0, nats: nats as Claims['nats'] }
  } catch {
    return undefined
  }
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function stringsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === 'string') : []
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value !== 'object') return false
  return Object.values(value).every(isEmpty)
}

function told(notes: Notes, at: Place, problem: string): undefined {
  notes.problem(at, problem)
  return undefined
}
