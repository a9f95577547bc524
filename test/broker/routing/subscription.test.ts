import test from 'ava'
import type { Subscriber } from '../../../broker/ground/slice.ts'
import { Group, type Subscription } from '../../../broker/routing/subscription.ts'

interface Receiver extends Subscriber {
  isHigh: boolean
}

function member(number: number): Subscription & { subscriber: Receiver } {
  const subscriber = { number, answersFrames: true, echo: true, client: `c${number}`, isHigh: false, mayReceive: () => true, deliver: () => true }
  return { number, pattern: 'a', tokens: ['a'], group: 'g', filter: undefined, subscriber }
}

const all = (): boolean => true

function picks(group: Group, count: number): (number | undefined)[] {
  return Array.from({ length: count }, () => group.pick(all)?.number)
}

test('group: members take turns', t => {
  const group = new Group()
  group.members.push(member(1), member(2), member(3))
  t.deepEqual(picks(group, 7), [1, 2, 3, 1, 2, 3, 1])
})

test('group: members above high-water are passed over while another is below', t => {
  const group = new Group()
  const slow = member(1)
  group.members.push(slow, member(2), member(3))
  slow.subscriber.isHigh = true
  t.deepEqual(picks(group, 4), [2, 3, 2, 3])
  slow.subscriber.isHigh = false
  t.deepEqual(picks(group, 3), [1, 2, 3])
})

test('group: when all are above high-water they still take turns', t => {
  const group = new Group()
  const members = [member(1), member(2)]
  group.members.push(...members)
  for (const { subscriber } of members) subscriber.isHigh = true
  t.deepEqual(picks(group, 4), [1, 2, 1, 2])
})

test('group: who does not accept is passed over, and nobody is an answer', t => {
  const group = new Group()
  group.members.push(member(1), member(2))
  t.is(group.pick(({ number }) => number === 2)?.number, 2)
  t.is(group.pick(() => false), undefined)
  t.is(new Group().pick(all), undefined)
})
