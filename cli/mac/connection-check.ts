// Goes the way of a client from the socket's file to the goodbye, and times each step. Knows no command line.

import { statSync, type Stats } from 'node:fs'
import { BrokerError } from '../../broker/ground/errors.ts'
import { formatMode, isCode } from '../../broker/ground/home.ts'
import type { ConnectOptions, Welcome } from '../../client/index.ts'
import { socketPath } from '../../client/options.ts'
import type { Probe } from '../../client/probe.ts'
import { Failure } from '../failure.ts'
import { formatDuration, plural } from '../format.ts'
import { explainProbe, openProbe } from './open-probe.ts'

/** What came of one step. */
export interface Step {
  readonly step: string
  /** `warn`: it works, but not as it should; `skip`: not reached, as a step before it failed. */
  readonly state: 'ok' | 'warn' | 'fail' | 'skip'
  readonly text: string
  /** What it took. Missing for steps that were not reached. */
  readonly ms?: number
  /** The error's, when it failed. */
  readonly code?: string
  /** What to do next, unless it is ok. */
  readonly remedy?: string
}

interface Outcome {
  readonly text: string
  /** What should be changed, although it works. */
  readonly remedy?: string
}

const PINGS = 11
const OTHERS = 0o077

/** Every step in order, also those that are not reached. The connection is gone when it ends. */
export async function* checkConnection(target: ConnectOptions, timeoutMs: number): AsyncGenerator<Step> {
  const socket = socketPath(target)
  const check = new ConnectionCheck(target, socket, timeoutMs)
  let isBroken = false
  try {
    for (const [step, work] of check.steps) {
      if (isBroken) yield { step, state: 'skip', text: 'not reached' }
      else {
        const startMs = performance.now()
        try {
          const { text, remedy } = await work()
          yield { step, state: remedy === undefined ? 'ok' : 'warn', text, ms: performance.now() - startMs, ...(remedy !== undefined && { remedy }) }
        } catch (thrown) {
          isBroken = true
          const { code, message, hint } = explainProbe(thrown, check.probe, socket)
          yield { step, state: 'fail', text: message, ms: performance.now() - startMs, code, ...(hint !== undefined && { remedy: hint }) }
        }
      }
    }
  } finally {
    check.probe?.destroy()
  }
}

class ConnectionCheck {
  readonly steps: readonly (readonly [step: string, work: () => Outcome | Promise<Outcome>])[]
  #probe: Probe | undefined
  #welcome: Welcome | undefined

  constructor(target: ConnectOptions, socket: string, timeoutMs: number) {
    this.steps = [
      ['socket', () => lookAt(socket)],
      ['token', () => {
        this.#probe = openProbe(target, timeoutMs)
        return { text: 'read; it is proved, and never sent' }
      }],
      ['connect', async () => {
        await this.#open.connect()
        return { text: 'somebody listens' }
      }],
      ['hello', async () => ({ text: `answered with a ${await this.#open.greet()}` })],
      ['welcome', () => this.#enter()],
      ['ping', () => this.#measure()],
      ['message', () => this.#talkToItself()],
      ['goodbye', async () => {
        await this.#open.goodbye()
        return { text: 'the broker closed in order' }
      }],
    ]
  }

  get probe(): Probe | undefined {
    return this.#probe
  }

  get #open(): Probe {
    if (this.#probe === undefined) throw new BrokerError('connection.closed')
    return this.#probe
  }

  async #enter(): Promise<Outcome> {
    const { protocol, broker, incarnation, principal, roles, mac } = (this.#welcome = await this.#open.welcome())
    const text = `protocol ${protocol}, broker ${broker}, incarnation ${incarnation}, as "${principal}" (${roles.join(', ')})`
    if (mac === undefined) return { text: `${text}; it did not prove who it is`, remedy: 'there was no token to prove: name one with --token-file, or the home with --home' }
    return { text: `${text}; it proved that it knows the token` }
  }

  async #measure(): Promise<Outcome> {
    const tookMs: number[] = []
    for (let i = 0; i < PINGS; i++) {
      const sentMs = performance.now()
      await this.#open.ping()
      tookMs.push(performance.now() - sentMs)
    }
    tookMs.sort((a, b) => a - b)
    return { text: `${plural(PINGS, 'round trip')}: median ${formatDuration(tookMs[PINGS >> 1]!)}, longest ${formatDuration(tookMs[PINGS - 1]!)}` }
  }

  // An address of its own needs no subscription, and nobody else sees the message.
  async #talkToItself(): Promise<Outcome> {
    const address = `$CB.to.client.${this.#welcome!.client}`
    const { receivers } = await this.#open.echo(address, 'callboard-mac connect')
    return { text: `published on ${address}, accepted for ${plural(receivers, 'receiver')}, and delivered back` }
  }
}

/** @throws BrokerError, Failure `connect.*` */
function lookAt(path: string): Outcome {
  const stats = statOf(path)
  if (!stats.isSocket()) throw new Failure({ code: 'connect.refused', message: `${path} is no socket (connect.refused)`, hint: `move it away: mv ${path} ${path}.old; then start the broker with: callboard start` })
  const uid = process.getuid?.()
  const isOwn = stats.uid === uid
  const text = `${path}, mode ${formatMode(stats.mode)}, owner ${isOwn ? 'you' : `uid ${stats.uid}`}`
  if (!isOwn) return { text, remedy: `the broker accepts only its own user; you are uid ${uid}` }
  return (stats.mode & OTHERS) === 0 ? { text } : { text: `${text}: open to others`, remedy: `chmod 600 ${path}` }
}

function statOf(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    if (isCode(error, 'EACCES')) throw new BrokerError('connect.forbidden', { path }, { cause: error })
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) throw new BrokerError('connect.no_socket', { path }, { cause: error })
    throw error
  }
}
