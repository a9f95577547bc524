import test from 'ava'
import { hitOf, limitText, settingsFor } from '../../../agents/sandbox/cgroup-files.ts'

const lines = (...given: Parameters<typeof settingsFor>): string[] => settingsFor(...given).map(({ file, value }) => `${file} ${value}`)

test('cgroup files: what is written for each limit, in both versions', t => {
  t.deepEqual(lines('memory', 2, 1024), ['memory.max 1024', 'memory.swap.max 0', 'memory.oom.group 1'])
  t.deepEqual(lines('memory', 1, 1024), ['memory.limit_in_bytes 1024', 'memory.memsw.limit_in_bytes 1024', 'memory.swappiness 0'])
  for (const version of [1, 2] as const) t.deepEqual(lines('pids', version, 40), ['pids.max 40'])
  t.deepEqual(lines('cpu', 2, 1.5), ['cpu.max 150000 100000'])
  t.deepEqual(lines('cpu', 1, 0.001), ['cpu.cfs_period_us 100000', 'cpu.cfs_quota_us 1000'], 'the least that the kernel takes')
})

test('cgroup files: how a limit that was met is told', t => {
  t.deepEqual(hitOf('memory', 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 2\noom_group_kill 1\n'), { limit: 'memory', evidence: 'control group: 2 processes killed' })
  t.deepEqual(hitOf('memory', 'oom_kill_disable 0\nunder_oom 0\noom_kill 0\n'), undefined)
  t.deepEqual(hitOf('pids', 'max 3\n'), { limit: 'processes', evidence: 'control group: 3 new processes refused' })
  t.is(hitOf('pids', ''), undefined)
  t.regex(limitText('memory', 2, 200 * 2 ** 20, true), /^200 MiB for all its processes together, by control groups 2$/)
  t.regex(limitText('memory', 1, 200 * 2 ** 20, false), /by control groups 1; swap not counted$/)
})
