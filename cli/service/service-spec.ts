// What a service of the system runs: which broker, as whom, by which program. Plain data, and where it comes from.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { brokerOptions } from '../broker-words.ts'
import { Failure } from '../failure.ts'

/** Whose service it is: one user's, or the machine's. */
export type Scope = 'user' | 'system'

/** The choices of whoever installs it; they stand in the unit, so that it can be told later whether it is up to date. */
export interface ServiceChoice {
  /** Absolute. */
  readonly home: string
  /** Absolute; undefined: what is in the home. */
  readonly config?: string | undefined
  /** Name of the account, in the scope `system`; undefined: root. */
  readonly account?: string | undefined
}

export interface ServiceSpec extends ServiceChoice {
  readonly scope: Scope
  /** The broker's command line, program first, all paths absolute. */
  readonly command: readonly string[]
  /** PATH of the broker, and so of its agents. */
  readonly path: string
}

/** Of the unit and of the launchd job. */
export const SERVICE_NAME = 'callboard-gateway'
/** What systemd gives; that of whoever installs it is not taken, as it differs from shell to shell. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * The service of this very program.
 * @throws Failure usage where a path cannot stand in a unit
 */
export function serviceSpec(scope: Scope, choice: ServiceChoice): ServiceSpec {
  for (const path of [choice.home, choice.config ?? '']) {
    // oxlint-disable-next-line no-control-regex -- that is what is looked for
    if (/[\u0000-\u001f\u007f]|[\s\\]$/.test(path)) throw Failure.usage(`no unit can hold the path ${JSON.stringify(path)}: it has a control character, or ends with a space or a backslash`, 'choose another path')
  }
  const script = join(dirname(createRequire(import.meta.url).resolve('callboard/package.json')), 'bin/callboard.mjs')
  const config = choice.config === undefined ? [] : ['--config', choice.config]
  return {
    ...choice,
    scope,
    command: [process.execPath, ...brokerOptions(), script, '--home', choice.home, 'start', ...config],
    path: `${dirname(process.execPath)}:${SYSTEM_PATH}`,
  }
}

/** True for a copy that npm may delete at any time. */
export function isInCache({ command }: ServiceSpec): boolean {
  return command.some(word => word.includes('/_npx/'))
}

/** The line by which a unit is known as ours, with the choices that it was made of; it is a comment in every form. */
export function choiceMark({ home, config, account }: ServiceChoice): string {
  return `callboard service ${JSON.stringify({ home, config, account })}`
}

/** The choices that the text of a unit was made of; undefined when it is none of ours. */
export function markedChoice(text: string): ServiceChoice | undefined {
  const [, json] = /callboard service (\{.*\})/.exec(text) ?? []
  try {
    const choice = json === undefined ? undefined : (JSON.parse(json.replaceAll('&#45;', '-')) as Partial<ServiceChoice>)
    return typeof choice?.home === 'string' ? (choice as ServiceChoice) : undefined
  } catch {
    return undefined
  }
}
