// Somebody who follows a page of the documentation: a home, a checkout and a shell of their own. Knows no page.

import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bin, PATIENCE_MS, runCallboard } from './run-callboard.ts'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'
import { openSession, type Session } from './tour.ts'

const root = join(import.meta.dirname, '../..')
/** Home of the reader whose outputs the pages show. */
const SHOWN_HOME = '/home/ada'

export interface Reader {
  readonly home: string
  /** The sources as links, so that files beside them are this reader's alone. */
  readonly checkout: string
  readonly session: Session
}

interface ReaderOptions {
  /** Folders that the page changes something in: copied. */
  readonly copies?: readonly string[]
  /** Arguments that `npx node FILE` gets besides. */
  readonly nodeArguments?: string
  /** default: any that is free */
  readonly gatewayPort?: number
  /** likewise */
  readonly natsPort?: number
}

/** Opens shell and checkout; a broker that is started there ends with the test. */
export function openReader(t: Teardown, { copies = [], nodeArguments = '', gatewayPort = 0, natsPort = 0 }: ReaderOptions = {}): Reader {
  const home = temporaryDirectory(t)
  const checkout = join(home, 'callboard')
  mkdirSync(checkout)
  for (const name of readdirSync(root)) {
    if (copies.includes(name)) cpSync(join(root, name), join(checkout, name), { recursive: true })
    else symlinkSync(join(root, name), join(checkout, name))
  }
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CALLBOARD_') && name !== 'FORCE_COLOR'))
  // npx itself takes half a second and asks the registry for news.
  const prelude = `npx() { what=$1; shift; case $what in callboard) node '${bin}' "$@" ;; node) node "$@" ${nodeArguments} ;; *) echo "npx $what?" ; return 127 ;; esac; }`
  const env = { ...inherited, HOME: home, PATH: `${dirname(process.execPath)}:${process.env['PATH']}`, CALLBOARD_GATEWAY_PORT: String(gatewayPort), CALLBOARD_NATS_PORT: String(natsPort), CALLBOARD_CONNECT_TIMEOUT_MS: PATIENCE_MS }
  const session = openSession(t, { cwd: checkout, env, prelude })
  t.teardown(async () => void (await runCallboard({ teardown: () => {} }, ['stop', '--force', '--timeout', '5s'], { home: join(home, '.callboard') })))
  return { home, checkout, session }
}

/** What a page shows, as it is in the home of this reader. */
export function shownTo({ home }: Reader, output: readonly string[]): string[] {
  return output.map(line => line.replaceAll(SHOWN_HOME, home))
}
