import test from 'ava'
import fc from 'fast-check'
import { instanceId, readInstanceId } from '../../agents/instance-id.ts'

test('instance id: the first instance is called as its agent, the others by their number', t => {
  t.deepEqual([1, 2, 10].map(number => instanceId('weather', number)), ['weather', 'weather/2', 'weather/10'])
})

test('instance id: each is read back as what it was made of, and weather/1 is the first too', t => {
  const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
  fc.assert(fc.property(name, fc.integer({ min: 1, max: 1000 }), (agent, instance) => t.deepEqual(readInstanceId(instanceId(agent, instance)), { agent, instance })), { numRuns: 200 })
  t.deepEqual(readInstanceId('weather/1'), { agent: 'weather', instance: 1 })
})

test('instance id: what none can be called is none', t => {
  for (const id of ['', '/2', 'weather/', 'weather/0', 'weather/02', 'weather/2/3', 'weather/-1', 'wea.ther', 'weather/10000', 'weather/2\n']) t.is(readInstanceId(id), undefined, JSON.stringify(id))
})
