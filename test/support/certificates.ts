// A certificate authority of one test, and certificates for 127.0.0.1 of it, made by openssl. All are gone with the test.

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

/** Paths of PEM files. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
}

export interface Authority {
  /** The authority's own certificate: what the other end must trust. */
  readonly caFile: string
  /** A certificate of that name, valid for a server at 127.0.0.1 and localhost, and for a client. */
  issue(name: string): Certificate
}

/** Why there are no certificates here, for tests to skip by; undefined: there are. Where CI=true there must be. */
export const noOpenssl: string | undefined =
  process.env['CI'] === 'true' || spawnSync('openssl', ['version']).status === 0 ? undefined : 'openssl is not installed'

export function certificateAuthority(t: Teardown): Authority {
  const directory = temporaryDirectory(t)
  const caFile = join(directory, 'ca.pem')
  const caKey = join(directory, 'ca.key')
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=authority of a test', '-keyout', caKey, '-out', caFile)
  return {
    caFile,
    issue(name) {
      const [certFile, keyFile, request, extensions] = ['pem', 'key', 'csr', 'ext'].map(end => join(directory, `${name}.${end}`)) as [string, string, string, string]
      openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request)
      writeFileSync(extensions, 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n')
      openssl('x509', '-req', '-in', request, '-CA', caFile, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', extensions, '-out', certFile)
      return { certFile, keyFile }
    },
  }
}

function openssl(...words: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`openssl ${words[0]}: ${error?.message ?? stderr}`)
}
