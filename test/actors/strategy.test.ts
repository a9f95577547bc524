import test from 'ava'
import { affected } from '../../actors/strategy.ts'

test('strategy: oneForOne affects the failed child alone', t => {
  t.deepEqual(affected('oneForOne', ['a', 'b', 'c'], 'b'), ['b'])
})

test('strategy: oneForAll affects everybody, in start order', t => {
  t.deepEqual(affected('oneForAll', ['a', 'b', 'c'], 'b'), ['a', 'b', 'c'])
})

test('strategy: restForOne affects the failed child and those started after it', t => {
  t.deepEqual(affected('restForOne', ['a', 'b', 'c'], 'b'), ['b', 'c'])
  t.deepEqual(affected('restForOne', ['a', 'b', 'c'], 'a'), ['a', 'b', 'c'])
})
