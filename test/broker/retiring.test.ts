import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { PipelineRig } from '../support/pipeline.ts'

const WEATHER = '$CB.to.service.weather'

test('retiring: who is to end gets no more requests by name; what it has it answers, and then it is idle', t => {
  const rig = new PipelineRig()
  const [leaving, staying] = ['a', 'b'].map(client => rig.native({ client, register: { name: 'weather' } })) as [ReturnType<PipelineRig['native']>, ReturnType<PipelineRig['native']>]
  const asker = rig.native()
  const ask = (): number => asker.send({ kind: Kind.request, subject: WEATHER })
  ask()
  const [open] = leaving.messages()
  const { retiring } = rig.pipeline
  retiring.begin(leaving.connection)
  t.false(retiring.isIdle(leaving.connection))
  for (let i = 0; i < 3; i++) ask()
  t.deepEqual([leaving.messages().length, staying.messages().length], [0, 3])
  t.is(rig.core.registry.instance('weather', 'a')!.info.health, 'draining')
  leaving.send({ kind: Kind.response, to: open!.origin, ref: open!.id, subject: WEATHER })
  t.true(retiring.isIdle(leaving.connection))
  // Another name that it registers now gets nothing either.
  const late = rig.core.registering.register(leaving.connection, { name: 'late' })
  t.is(late.info.health, 'draining')
  retiring.end(leaving.connection)
  t.deepEqual(['weather', 'late'].map(name => rig.core.registry.instance(name, 'a')!.info.health), ['healthy', 'healthy'])
  ask()
  t.is(leaving.messages().length, 1)
})

test('retiring: its queue groups pass over it, whoever subscribes outside groups does not, and it may unsubscribe as ever', t => {
  const rig = new PipelineRig()
  const [leaving, staying, publisher] = [rig.native(), rig.native(), rig.native()]
  leaving.control(Kind.subscribe, 1, { pattern: 'work', group: 'workers' })
  leaving.control(Kind.subscribe, 2, { pattern: 'alone', group: 'workers' })
  leaving.control(Kind.subscribe, 3, { pattern: 'news' })
  staying.control(Kind.subscribe, 1, { pattern: 'work', group: 'workers' })
  const { retiring } = rig.pipeline
  t.deepEqual([...retiring.serves(leaving.connection)], ['group workers of work', 'group workers of alone'])
  leaving.frames()
  staying.frames()
  retiring.begin(leaving.connection)
  // One that it joins only now has it no more than the others.
  leaving.control(Kind.subscribe, 4, { pattern: 'work', group: 'late' })
  for (let i = 0; i < 4; i++) publisher.publish('work')
  publisher.publish('news')
  const id = publisher.send({ kind: Kind.request, subject: 'alone' })
  t.deepEqual(leaving.messages().map(({ subject }) => subject), ['news'])
  t.is(staying.messages().length, 4)
  t.true(publisher.frames().some(({ kind, ref }) => kind === Kind.error && ref === id))
  leaving.control(Kind.unsubscribe, 1, {})
  t.deepEqual(leaving.frames().filter(({ kind }) => kind === Kind.error), [])
  retiring.end(leaving.connection)
  for (let i = 0; i < 4; i++) publisher.publish('work')
  t.deepEqual([leaving.messages().length, staying.messages().length], [4, 4], 'the group that it joined late, and not the one that it left')
  t.true(rig.core.accounts.totals().balanced)
})
