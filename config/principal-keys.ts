// The block `principals`: who may connect, by which token, and what they may publish and receive.

import { block, defaulted, map, optional, required } from './keys.ts'
import { choice, list, name, path, pattern, publicNkey, secret } from './kinds.ts'

const rules = (verb: string) =>
  block({
    allow: defaulted(list(pattern), ['>'], `What it may ${verb}.`),
    deny: defaulted(list(pattern), [], `What it may not ${verb}, even if allowed.`),
  })

export const principalsBlock = optional(
  list(
    map({
      name: required(name, 'Name of the principal. `owner` is whoever has the token of the home.'),
      roles: defaulted(list(choice(['admin', 'client', 'agent', 'system']), 1), ['client'], 'What it is: `client` may only subscribe to some channels, `admin` may call every method.'),
      nkey: optional(publicNkey, 'none', 'Its public nkey: of a user, who signs the broker\'s nonce with the seed, or of an account, whose users\' JWTs are taken. For NATS clients; with it neither `token` nor `tokenFile` is needed.'),
      token: optional(secret, 'see `tokenFile`', 'Its token. Keep the file private (mode 0600), or use `tokenFile`.'),
      tokenFile: optional(path, 'see `token`', 'File whose first line is its token.'),
      publish: rules('publish'),
      subscribe: rules('receive'),
    }),
  ),
  'none',
  'Who may connect, beside the owner and the agents.',
)
