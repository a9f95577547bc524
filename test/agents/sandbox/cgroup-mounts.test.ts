import test from 'ava'
import { hierarchies } from '../../../agents/sandbox/cgroup-mounts.ts'

test('cgroup mounts: version 2 alone, as systemd has it', t => {
  const mounts = ['24 1 8:1 / / rw - ext4 /dev/sda rw', '31 24 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate'].join('\n')
  t.deepEqual(hierarchies(mounts, '0::/system.slice/callboard.service\n'), [{ version: 2, controllers: [], root: '/sys/fs/cgroup', own: '/sys/fs/cgroup/system.slice/callboard.service' }])
})

test('cgroup mounts: version 1 with several controllers in one, beside version 2, at the root and below it', t => {
  const mounts = ['33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct', '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory', '41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw'].join('\n')
  t.deepEqual(hierarchies(mounts, '4:memory:/init.scope\n1:cpu,cpuacct:/\n0::/init.scope\n').map(({ version, own }) => [version, own]), [[1, '/sys/fs/cgroup/cpu,cpuacct'], [1, '/sys/fs/cgroup/memory/init.scope'], [2, '/sys/fs/cgroup/unified/init.scope']])
})

test('cgroup mounts: a container is shown its own part, under a path with spaces', t => {
  const mounts = '35 31 0:32 /docker/abc /sys/fs/control\\040groups/memory ro - cgroup cgroup rw,memory'
  t.deepEqual(hierarchies(mounts, '4:memory:/docker/abc/inner\n').map(({ own }) => own), ['/sys/fs/control groups/memory/inner'])
  t.deepEqual(hierarchies(mounts, ''), [], 'a hierarchy that it is in no group of')
})
