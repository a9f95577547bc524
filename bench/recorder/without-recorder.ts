// Loaded with `node --import` in front of a broker: it then records nothing. The product has no switch for that.

import { Core } from '../../broker/core.ts'
import { Recorder } from '../../broker/observe/recorder.ts'

/** What is called for runs as they pass, and what stands in its place. */
const replaced: readonly (readonly [owner: object, method: string, instead: () => unknown])[] = [
  [Core.prototype, 'record', nothing],
  [Core.prototype, 'targetOf', () => 0],
  [Recorder.prototype, 'flushed', nothing],
  [Recorder.prototype, 'received', nothing],
  [Recorder.prototype, 'late', nothing],
  [Recorder.prototype, 'dropped', nothing],
  [Recorder.prototype, 'abandoned', nothing],
]

for (const [owner, method, instead] of replaced) {
  if (!(method in owner)) throw new Error(`bench/recorder/without-recorder.ts: there is no ${method} any more`)
  Object.assign(owner, { [method]: instead })
}

function nothing(): void {}
