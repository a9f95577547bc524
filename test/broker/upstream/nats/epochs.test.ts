import test from 'ava'
import { epochMark, Epochs } from '../../../../broker/upstream/nats/epochs.ts'

test('epochs: what comes by a link that its broker has left is told apart, each broker by itself', t => {
  const epochs = new Epochs('me')
  t.true(epochs.isCurrent(epochMark('a', 3, 1)))
  t.true(epochs.isCurrent(epochMark('a', 3, 2)))
  t.false(epochs.isCurrent(epochMark('a', 3, 1)), 'an older link')
  t.true(epochs.isCurrent(epochMark('a', 3, 2)), 'the same again')
  t.true(epochs.isCurrent(epochMark('a', 4, 1)), 'a later start begins anew')
  t.false(epochs.isCurrent(epochMark('a', 3, 9)), 'an earlier start is over')
  t.true(epochs.isCurrent(epochMark('b', 1, 1)))
})

test('epochs: marks that mean nothing are let pass, and change nothing', t => {
  const epochs = new Epochs('me')
  epochs.isCurrent(epochMark('a', 2, 2))
  for (const wrong of ['', 'a', 'a 1', 'a 1 x', 'a -1 1', 'a 9 9 9', 'a 99999999999999999999 1']) t.true(epochs.isCurrent(wrong), wrong)
  t.true(epochs.isCurrent(epochMark('a', 2, 2)))
})

test('epochs: its own marks are known, and others of which it is the beginning are not', t => {
  const epochs = new Epochs('me')
  t.true(epochs.isOwn(epochMark('me', 1, 1)))
  t.false(epochs.isOwn(epochMark('menu', 1, 1)))
})

test('epochs: brokers that were heard of long ago are forgotten', t => {
  const epochs = new Epochs('me')
  epochs.isCurrent(epochMark('first', 5, 5))
  for (let i = 0; i < 5000; i++) epochs.isCurrent(epochMark(`b${i}`, 1, 1))
  t.true(epochs.isCurrent(epochMark('first', 1, 1)))
})
