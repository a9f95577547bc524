// A broker's place in a test that kills it: keeps one crash report after the other, until it is killed. Usage: node crash-writer.ts DIRECTORY; 60 MB at most

import { CrashFiles, crashBounds, crashId } from '../../agents/crashes/crash-files.ts'
import { recordedLog } from './recorded-log.ts'

const files = new CrashFiles(process.argv[2]!, recordedLog(), { ...crashBounds, perAgent: 1000, bytes: Infinity })
// Large ones: most of the time one of them is half written.
const lines = Array.from({ length: 200 }, (_, seq) => ({ seq, time: 0, instance: 'lamp', start: 1, stream: 'stdout' as const, text: 'x'.repeat(5000) }))

for (let n = 1; n <= 60; n++) {
  await files.keep({ id: crashId(n, 1, 1), agent: 'lamp', instance: 'lamp', incarnation: 1, brokerIncarnation: 1, time: n, ranMs: 1, reason: 'exited with code 1', wasAsked: false, limits: [], messages: [], next: { kind: 'down' }, lines })
}

setInterval(() => {}, 1_000_000)
