import test from 'ava'
import { mountOf } from '../../../bench/queue/disk.ts'

const mounts = ['/dev/sda1 / ext4 rw 0 0', 'tmpfs /tmp tmpfs rw 0 0', '/dev/sdb1 /var/tmp xfs rw 0 0', 'tmpfs /var/tmp/in tmpfs rw 0 0'].join('\n')

test('disk: a directory is on the mount that is nearest above it', t => {
  t.deepEqual(mountOf('/var/lib', mounts), { type: 'ext4', device: '/dev/sda1' })
  t.deepEqual(mountOf('/tmp', mounts), { type: 'tmpfs', device: 'tmpfs' })
  t.deepEqual(mountOf('/var/tmp/some/where', mounts), { type: 'xfs', device: '/dev/sdb1' })
  t.deepEqual(mountOf('/var/tmp/in', mounts), { type: 'tmpfs', device: 'tmpfs' })
})

test('disk: a name that begins like that of a mount is not below it', t => t.is(mountOf('/tmpfiles', mounts).type, 'ext4'))
