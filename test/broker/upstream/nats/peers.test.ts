import test from 'ava'
import { isPeerId, Peers } from '../../../../broker/upstream/nats/peers.ts'

test('peers: after a loss all who were there are waited for, until the last has spoken', async t => {
  const peers = new Peers()
  for (const peer of ['a', 'b', 'c']) peers.heard(peer, 'hello')
  peers.heard('c', 'bye')
  await peers.gathered(60_000)
  peers.lost()
  let isOver = false
  const gathered = peers.gathered(60_000).then(() => (isOver = true))
  peers.heard('a', 'here')
  await Promise.resolve()
  t.false(isOver)
  peers.heard('b', 'hello')
  await gathered
  t.is(peers.size, 2)
})

test('peers: whoever does not answer in time is not waited for again', async t => {
  const peers = new Peers()
  peers.heard('a', 'hello')
  peers.lost()
  await peers.gathered(1)
  t.is(peers.size, 0)
  peers.lost()
  await peers.gathered(60_000)
})

test('peers: an id that could end a word of a line, or name another subject, is none', t => {
  t.true(isPeerId('Ab3_x-9'))
  for (const wrong of ['', 'a b', 'a.b', 'a\r\nPUB x 0', '>', '*', 'x'.repeat(65)]) t.false(isPeerId(wrong), JSON.stringify(wrong))
})
