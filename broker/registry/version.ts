// Semantic versions and ranges of them, read with errors that say what was wanted.

import Range from 'semver/classes/range.js'
import SemVer from 'semver/classes/semver.js'
import { BrokerError } from '../ground/errors.ts'

const MAX_SHOWN = 64
/** Longer ones are no ranges that anybody means; what each comparator costs is paid once for a range. */
const MAX_RANGE = 256

/** @throws BrokerError `registry.bad_version` */
export function readVersion(text: string): SemVer {
  try {
    return new SemVer(text)
  } catch (error) {
    throw refusal(text, 'semantic version such as 2.1.0', error)
  }
}

/** As npm has it: a prerelease is in a range only where the range names one of the same version. @throws BrokerError `registry.bad_version` */
export function readRange(text: string): Range {
  try {
    if (text.length > MAX_RANGE) throw new RangeError(`longer than ${MAX_RANGE} characters`)
    return new Range(text)
  } catch (error) {
    throw refusal(text, 'range of semantic versions such as ^2.1 or >=1 <3', error)
  }
}

function refusal(text: string, expected: string, cause: unknown): BrokerError {
  return new BrokerError('registry.bad_version', { version: text.slice(0, MAX_SHOWN), expected }, { cause })
}
