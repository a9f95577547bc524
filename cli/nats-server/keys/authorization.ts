// The maps `authorization` and `accounts`: who may connect.

import { readNkey } from '../../../broker/ground/nkey.ts'
import type { ConfNode } from '../conf/node.ts'
import type { AuthorizationOptions, ServerOptions, UserOptions } from '../options.ts'
import type { Notes } from './notes.ts'
import { permissions } from './permissions.ts'
import { ignored, keyTable, readKeys, refused, sets } from './reading.ts'
import { array, map, seconds, text, texts } from './values.ts'

/** How a hash of bcrypt begins: nats-server takes whatever does so for one, also where it was cut short. */
const BCRYPT = /^\$2[abxy]?\$\d\d\$/
const HASHED = 'passwords as bcrypt hashes are not supported: write the password itself, put it into a variable ($PASSWORD), or use an nkey'
const JETSTREAM = 'there is no JetStream'
const ONE_SPACE = 'there is one space of subjects'

const authorizationTable = keyTable<AuthorizationOptions>(
  ['user username', sets('user', text)],
  ['pass password', sets('password', text)],
  ['token', sets('token', text)],
  ['timeout', sets('timeoutMs', seconds)],
  ['users', sets('users', users)],
  ['permissions default_permission default_permissions', sets('defaultPermissions', permissions)],
  ['auth_callout', refused('users are those of this file')],
)

const userTable = keyTable<UserOptions>(
  ['user username', sets('name', text)],
  ['pass password', sets('password', text)],
  ['nkey', sets('nkey', text)],
  ['permission permissions authorization', sets('permissions', permissions)],
  ['allowed_connection_types connection_types clients', connectionTypes],
)

export function authorization(node: ConfNode, key: string, notes: Notes): AuthorizationOptions | undefined {
  const entries = map(node, key, notes)
  if (entries === undefined) return undefined
  const options = readKeys<AuthorizationOptions>(entries, authorizationTable, {}, notes)
  const { user, password, token, users: many } = options
  if ([password, token].some((secret) => secret !== undefined && BCRYPT.test(secret))) notes.problem(node.at, HASHED)
  if (token !== undefined && (user !== undefined || password !== undefined)) notes.problem(node.at, `${key} has both a token and a user with a password; keep one`)
  if (many !== undefined && user !== undefined) notes.problem(node.at, `${key} has both a single user and users; keep one`)
  if (many !== undefined && token !== undefined) notes.problem(node.at, `${key} has both a token and users; keep one`)
  return options
}

function users(node: ConfNode, key: string, notes: Notes): UserOptions[] | undefined {
  const seen = new Set<string>()
  return array(node, key, notes)?.flatMap((item) => {
    const entries = map(item, 'a user', notes)
    if (entries === undefined) return []
    const user = readKeys<UserOptions>(entries, userTable, {}, notes)
    const problem = userProblem(user)
    if (problem !== undefined) notes.problem(item.at, problem)
    const id = user.nkey ?? user.name ?? ''
    if (seen.has(id)) notes.problem(item.at, `user "${id}" is there twice`)
    seen.add(id)
    return [user]
  })
}

function userProblem({ name, password, nkey }: UserOptions): string | undefined {
  if (password !== undefined && BCRYPT.test(password)) return HASHED
  if (nkey === undefined) return name === undefined || name === '' ? 'a user needs a name or an nkey' : undefined
  if (name !== undefined || password !== undefined) return 'a user with an nkey has neither name nor password'
  return readNkey(nkey)?.kind === 'user' ? undefined : `"${nkey}" is not the public nkey of a user; expected U and 55 characters of A-Z, 2-7, of which the last are a checksum`
}

function connectionTypes(node: ConfNode, _user: UserOptions, notes: Notes, key: string): void {
  const types = texts(node, key, notes)?.map((type) => type.toUpperCase())
  if (types !== undefined && !(types.includes('STANDARD') && types.includes('WEBSOCKET'))) notes.problem(node.at, `${key} is not supported unless it has STANDARD and WEBSOCKET: a user may connect in both ways`)
}

interface Account {
  users?: UserOptions[] | undefined
  defaultPermissions?: AuthorizationOptions['defaultPermissions']
}

const accountTable = keyTable<Account>(
  ['users', sets('users', users)],
  ['default_permissions', sets('defaultPermissions', permissions)],
  ['nkey', ignored(text)],
  ['jetstream', ignored(undefined, JETSTREAM)],
  ['limits', ignored(undefined, 'limits are those of the server')],
  ['imports exports', refused(`${ONE_SPACE}, nothing to import from or to export to`)],
  ['mappings maps', refused('subjects are not mapped')],
)

/**
 * The users of the one account that has any. Several accounts with users would be several spaces of subjects, which
 * must not become one. Users of the system account are left out: there is nothing for them.
 */
export function accounts(node: ConfNode, options: ServerOptions, notes: Notes, systemAccount: string): void {
  // A mere list of names has no users.
  if (node.kind === 'array') return
  const withUsers: string[] = []
  for (const [name, item] of map(node, 'accounts', notes) ?? []) {
    if (item.isReferred) continue
    const entries = map(item, `account ${name}`, notes)
    if (entries === undefined) continue
    const account = readKeys<Account>(entries, accountTable, {}, notes)
    if (account.users === undefined) continue
    if (name === systemAccount) {
      notes.warn(item.at, `the users of the system account ${name} are left out: it has no other subjects here`)
      continue
    }
    withUsers.push(name)
    options.accountUsers = account.users.map((user) => ({ ...user, permissions: user.permissions ?? account.defaultPermissions }))
  }
  if (withUsers.length > 1) notes.problem(node.at, `accounts ${withUsers.join(', ')} have users; ${ONE_SPACE}, so that one account may have users. Run a broker for each`)
}
