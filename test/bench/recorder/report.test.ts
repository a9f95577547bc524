import test from 'ava'
import { formatRecorder, judgeRecorder } from '../../../bench/recorder/report.ts'

test('recorder: the median of profiles and of pairs is each held against five per cent', t => {
  const verdicts = judgeRecorder([{ workload: 'A', profiled: [0.01, 0.05, 0.2], paired: [0.051, 0.06, -0.02] }])
  t.deepEqual(verdicts.map(({ isMet }) => isMet), [true, false])
  t.regex(formatRecorder([{ workload: 'A', profiled: [0.01, 0.05, 0.2], paired: [-0.02] }]), /A, self time in 3 profiles +met +≤ 5\.0 % +5\.0 % \(1\.0 % to 20\.0 %\)/)
})

test('recorder: what was not measured is not judged', t => t.deepEqual(judgeRecorder([{ workload: 'A', profiled: [], paired: [] }]), []))
