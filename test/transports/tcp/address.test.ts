import type { Socket } from 'node:net'
import test from 'ava'
import { isLoopback, plainAddress, tcpPeer, withPort } from '../../../transports/tcp/address.ts'

test('address: 127.0.0.0/8, ::1 and localhost are this machine, and nothing else is', t => {
  for (const name of ['localhost', '::1', '127.0.0.1', '127.255.255.254']) t.true(isLoopback(name), name)
  for (const name of ['127.0.0.256', '128.0.0.1', '127.1', '::', 'localhost.evil.example']) t.false(isLoopback(name), name)
})

test('address: IPv4 in IPv6 clothes is IPv4, and IPv6 with a port has brackets', t => {
  t.deepEqual(['::ffff:10.0.0.1', '::ffff:x', '10.0.0.1'].map(plainAddress), ['10.0.0.1', '::ffff:x', '10.0.0.1'])
  t.deepEqual([withPort('::1', 80), withPort('10.0.0.1', 80)], ['[::1]:80', '10.0.0.1:80'])
})

test('address: who comes from the address to which it came is of this machine too', t => {
  const socket = { localAddress: '::ffff:192.168.1.5', remotePort: 40_112 } as Socket
  t.deepEqual(tcpPeer(socket, '192.168.1.5'), { address: '192.168.1.5:40112', pid: undefined, uid: undefined, network: 'local' })
  t.is(tcpPeer(socket, '192.168.1.6').network, 'remote')
})
