import test from 'ava'
import { NatsDoor } from '../../actors/nats-door.ts'
import { SocketLimits } from '../../http/socket-limits.ts'

const door = (maxConnections: number, perAddress = 2, total = 4): NatsDoor => new NatsDoor(new SocketLimits({ maxUnauthenticatedPerAddress: perAddress, maxUnauthenticated: total, maxConnectionsPerAddress: 0 }), maxConnections)

test('nats door: so many connections by TCP and WebSocket together, and one that left makes room', t => {
  const limited = door(2)
  const first = limited.enter('10.0.0.1', false)
  limited.enterCounted()
  t.throws(() => limited.enter('10.0.0.2', false), { code: 'connection.limit' })
  t.throws(() => limited.enterCounted(), { code: 'connection.limit' })
  t.is(limited.connections, 2)
  first.left!()
  limited.enter('10.0.0.2', false)
  limited.left()
  limited.enterCounted()
  t.is(limited.connections, 2)
})

test('nats door: 0 connections is no limit', t => {
  const open = door(0, 0, 0)
  for (let i = 0; i < 3000; i++) open.enter('10.0.0.1', false)
  t.is(open.connections, 3000)
})

test('nats door: of another machine so many who were not let in yet; who was let in counts there no more', t => {
  const limited = door(0)
  const guests = [limited.enter('10.0.0.1', false), limited.enter('10.0.0.1', false)]
  t.throws(() => limited.enter('10.0.0.1', false), { code: 'gateway.socket_limit' })
  guests[0]!.admitted()
  guests[0]!.admitted()
  limited.enter('10.0.0.1', false)
  t.throws(() => limited.enter('10.0.0.1', false), { code: 'gateway.socket_limit' })
  t.is(limited.connections, 3)
})

test('nats door: of this machine as many as there may be in all', t => {
  const limited = door(0)
  const guests = Array.from({ length: 4 }, () => limited.enter('127.0.0.1', true))
  t.throws(() => limited.enter('127.0.0.1', true), { code: 'gateway.socket_limit' })
  t.throws(() => limited.enter('10.0.0.1', false), { code: 'gateway.socket_limit' })
  guests[0]!.left!()
  limited.enter('10.0.0.1', false)
})
