import test from 'ava'
import { parseServerAddress } from '../../../broker/ground/nats-address.ts'
import { ServerOrder } from '../../../broker/upstream/nats/server-order.ts'

test('nats address: host and port, with and without a scheme', t => {
  const of = (url: string): unknown[] => {
    const { host, port, requiresTls, text } = parseServerAddress(url)
    return [host, port, requiresTls, text]
  }
  t.deepEqual(of('nats://10.0.0.1:4333'), ['10.0.0.1', 4333, false, '10.0.0.1:4333'])
  t.deepEqual(of('n1.example.org'), ['n1.example.org', 4222, false, 'n1.example.org:4222'])
  t.deepEqual(of('tls://[::1]:5000/'), ['::1', 5000, true, '[::1]:5000'])
  for (const wrong of ['', 'nats://', 'http://x', 'nats://user:pass@x', 'x:0', 'x:65536', 'x y', 'x/path', 'nats://x:4222?y', '-x']) t.throws(() => parseServerAddress(wrong), { message: /is not the address of a NATS server/ }, wrong)
})

test('nats address: servers are tried in an order of chance, and one that was lost comes last', t => {
  const servers = ['a', 'b', 'c'].map(parseServerAddress)
  const chance = [0.9, 0.1, 0.5]
  const order = new ServerOrder(servers, () => chance.shift()!)
  t.deepEqual(order.all.map(({ host }) => host), ['b', 'c', 'a'])
  order.lost(servers[1]!)
  t.deepEqual(order.all.map(({ host }) => host), ['c', 'a', 'b'])
})

test('nats address: a server that is known to be there is tried first, and one that is not among them changes nothing', t => {
  const servers = ['a', 'b', 'c'].map(parseServerAddress)
  const order = (first: string): string[] => new ServerOrder(servers, () => 0, first).all.map(({ host }) => host)
  t.deepEqual(order('c:4222'), ['c', 'a', 'b'])
  t.deepEqual(order('d:4222'), ['a', 'b', 'c'])
})
