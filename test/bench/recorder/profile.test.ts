import test from 'ava'
import { selfTime, type CpuProfile } from '../../../bench/recorder/profile.ts'
import { recorderParts } from '../../../bench/recorder/recorder-parts.ts'

const node = (id: number, functionName: string, file: string): CpuProfile['nodes'][number] => ({ id, callFrame: { functionName, url: `file:///somewhere/${file}` } })
const nodes = [node(1, 'record', 'broker/observe/recorder.ts'), node(2, 'record', 'broker/core.ts'), node(3, 'send', 'broker/core.ts'), node(4, '(idle)', ''), node(5, '(garbage collector)', ''), node(6, 'record', 'broker/observe/histogram.ts')]
const profile = (samples: readonly number[]): CpuProfile => ({ nodes, samples, timeDeltas: samples.map(() => 100), startTime: 1000 })

test('profile: recorder functions count, others of the same file or name do not, idle time is no time', t => {
  const { share, busySamples } = selfTime(profile([1, 2, 3, 4, 4, 4, 5, 6]), recorderParts, 0, 1e9)
  t.is(busySamples, 5)
  t.is(share, 2 / 5)
})

test('profile: only samples of the window count', t => {
  // Samples stand at 1100, 1200, 1300, 1400.
  t.deepEqual(selfTime(profile([1, 1, 3, 3]), recorderParts, 1200, 1400), { share: 1 / 2, busySamples: 2, isSeen: true })
  t.deepEqual(selfTime(profile([1, 1, 3, 3]), recorderParts, 5000, 6000), { share: 0, busySamples: 0, isSeen: true })
})

test('profile: a recorder that is not in it is told from one that takes no time', t => {
  t.false(selfTime({ ...profile([3]), nodes: nodes.slice(2) }, recorderParts, 0, 1e9).isSeen)
})
