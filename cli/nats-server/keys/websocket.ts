// The map `websocket`.

import type { ConfNode } from '../conf/node.ts'
import type { WebSocketOptions } from '../options.ts'
import { listen } from './listen.ts'
import type { Notes } from './notes.ts'
import { ignored, keyTable, readKeys, refused, sets } from './reading.ts'
import { tls } from './tls.ts'
import { duration, map, port, text, texts, truth } from './values.ts'

const table = keyTable<WebSocketOptions>(
  [
    'listen',
    (node, into, notes, key) => {
      Object.assign(into, listen(node, key, notes))
    },
  ],
  ['port', sets('port', port)],
  ['host net', sets('host', text)],
  ['no_tls', sets('noTls', truth)],
  ['tls', sets('tls', tls)],
  ['compress compression', sets('compression', truth)],
  ['allowed_origins allowed_origin allow_origins allow_origin origins origin', sets('allowedOrigins', texts)],
  ['no_auth_user', sets('noAuthUser', text)],
  ['same_origin', ignored(truth, 'pages may connect from this server and from allowed_origins only')],
  ['handshake_timeout', ignored(duration, 'the time to authenticate holds')],
  ['advertise', ignored(text, 'no addresses are advertised')],
  ['authorization authentication', refused('users are the same on all ports; use the authorization of the server')],
  ['jwt_cookie user_cookie pass_cookie token_cookie', refused('credentials come with CONNECT')],
  ['ping_interval', ignored(duration, 'the interval of the server holds')],
)

export function websocket(node: ConfNode, key: string, notes: Notes): WebSocketOptions | undefined {
  const entries = map(node, key, notes)
  if (entries === undefined) return undefined
  const options = readKeys<WebSocketOptions>(entries, table, {}, notes)
  // nats-server opens no port for it then.
  if (options.port === undefined || options.port === 0) return undefined
  if (options.tls === undefined && options.noTls !== true) notes.problem(node.at, `${key} needs tls, or no_tls: true`)
  return options.noTls === true ? { ...options, tls: undefined } : options
}
