// The keys by which a broker reaches servers of others over TLS, in every block that names such servers.

import { map, optional } from './keys.ts'
import { path } from './kinds.ts'

/** Each place has schemas of its own: notes belong to places. */
export function clientTls() {
  return map({
    ca: optional(path, 'those that the system trusts', 'File with the certificates that sign those of the servers (PEM).'),
    cert: optional(path, 'none is shown', 'File with the certificate of this broker (PEM); `key` goes with it.'),
    key: optional(path, 'none', 'File with its private key (PEM).'),
  })
}
