// Makes the probe for what `connect()` would be told, and says what its errors mean for somebody at a shell.

import { systemClock } from '../../broker/ground/clock.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { isCode } from '../../broker/ground/home.ts'
import type { ConnectOptions } from '../../client/index.ts'
import { nodePlatform } from '../../client/connect.ts'
import { clientOptions, socketPath } from '../../client/options.ts'
import { Probe } from '../../client/probe.ts'
import { explain } from '../explain.ts'
import { Failure } from '../failure.ts'

/** Clients have a name for people in `callboard ipc connections`; this is the tool's. */
const PROGRAM = 'callboard-mac'

/** Not connected yet. @throws BrokerError, Failure `auth.required` `connect.forbidden` when the credential cannot be read */
export function openProbe(target: ConnectOptions, timeoutMs: number): Probe {
  const { identity, credential } = clientOptions({ ...target, program: PROGRAM })
  return new Probe(nodePlatform(socketPath(target)), { identity, credential: readCredential(target, credential), timeoutMs, clock: systemClock })
}

function readCredential<T extends { readonly token: string | undefined }>({ tokenFile }: ConnectOptions, read: () => T): T {
  let credential: T
  try {
    credential = read()
  } catch (error) {
    if (tokenFile === undefined || BrokerError.from(error).code !== 'auth.required') throw error
    throw new Failure({ code: 'auth.required', message: `no credential can be read from ${tokenFile} (auth.required)`, hint: 'name another file with --token-file; the owner\'s is the file token in the broker\'s home' }, { cause: error })
  }
  if (credential.token === '') throw new Failure({ code: 'auth.required', message: 'the token is empty (auth.required)', hint: 'delete its file, then callboard restart makes a new one' })
  return credential
}

/** The failure for what a probe of the broker at `socket` threw; there always is something to do next. */
export function explainProbe(thrown: unknown, probe: Probe | undefined, socket: string): Failure {
  const failure = explain(isCode(thrown, 'EACCES') ? new BrokerError('connect.forbidden', { path: socket }, { cause: thrown }) : thrown)
  const { code, message } = failure
  const instead = remedyOf(code, probe, socket)
  if (instead === undefined && failure.hint !== undefined) return failure
  return new Failure({ code, message, hint: 'callboard doctor checks the home, callboard logs shows what the broker says of it', ...instead }, { cause: thrown })
}

function remedyOf(code: string, probe: Probe | undefined, socket: string): { readonly message?: string; readonly hint: string } | undefined {
  const whoListens = `see which program has taken the place of the broker: lsof ${socket}`
  if (code === 'auth.failed' && probe?.wasWelcomed === true) return { message: `what answers at ${socket} does not prove that it knows the token (${code})`, hint: `give it nothing; ${whoListens}` }
  if (code.startsWith('frame.')) return { message: `what answers at ${socket} does not speak Callboard's protocol (${code})`, hint: whoListens }
  if (code === 'handshake.timeout') return { hint: 'it listens and does not answer: the broker is stopped (kill -CONT its pid), or busy; callboard logs shows the last that it did' }
  if (code === 'request.timeout') return { hint: 'the broker let us in and then fell silent: see what keeps it busy with callboard ipc latency, or raise --timeout' }
  return undefined
}
