import test from 'ava'
import { splitAddress } from '../../broker/monitored-connection.ts'

test('monitored connection: addresses are taken apart as links write them', t => {
  t.deepEqual(splitAddress('127.0.0.1:40112'), { ip: '127.0.0.1', port: 40112 })
  t.deepEqual(splitAddress('[::1]:40112'), { ip: '::1', port: 40112 })
  t.deepEqual(splitAddress('[fe80::1%eth0]:1'), { ip: 'fe80::1%eth0', port: 1 })
  t.deepEqual(splitAddress('unix'), { ip: 'unix', port: 0 })
})
