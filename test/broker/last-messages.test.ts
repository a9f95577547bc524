import test from 'ava'
import type { HandledMessage } from '../../broker/ground/crash.ts'
import { lastMessages } from '../../broker/last-messages.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { PipelineRig } from '../support/pipeline.ts'

const short = ({ direction, kind, subject, fate, unanswered, sender }: HandledMessage): string => `${direction} ${kind} ${subject} ${fate}${unanswered === true ? ' unanswered' : ''}${sender === undefined ? '' : ` from ${sender}`}`

test('last messages: what came in and went out, in order, with fates and with the request that was not answered', t => {
  const rig = new PipelineRig()
  const [agent, asker] = [rig.native({ client: 'agent' }), rig.native({ client: 'asker' })]
  agent.subscribe(1, 'work.>')
  agent.messages()
  const ask = (subject: string): number => asker.send({ kind: Kind.request, subject })
  const first = ask('work.one')
  agent.messages()
  agent.send({ kind: Kind.response, to: asker.connection.number, ref: first, subject: 'work.one' })
  agent.publish('events.done')
  asker.publish('elsewhere')
  const second = ask('work.two')
  rig.turn()
  const found = lastMessages(rig.core, [agent.connection.number], 20)
  t.deepEqual(found.map(short), [
    'in request work.one written from asker', 'out response work.one written', 'out publish events.done dropped(no-interest)', 'in request work.two written unanswered from asker',
  ])
  t.is(found.at(-1)!.id, `testhome.1.${asker.connection.number}.${second}`)
  t.false(JSON.stringify(found).includes('payload'))
})

test('last messages: of runs the last message, of many only the latest, also when the connection is gone', t => {
  const rig = new PipelineRig()
  const [agent, sender] = [rig.native({ client: 'agent' }), rig.native({ client: 'sender' })]
  agent.subscribe(1, 'work')
  agent.messages()
  const frames = [1, 2, 3].map(() => sender.frame({ kind: Kind.publish, subject: 'work', payload: new Uint8Array(8) }))
  const last = sender.nextId - 1
  sender.link.arrive(Buffer.concat(frames))
  rig.turn()
  sender.publish('work')
  rig.turn()
  const { number } = agent.connection
  agent.link.hangUp()
  rig.turn()
  const found = lastMessages(rig.core, [number], 20)
  t.deepEqual(found.map(({ count, fate }) => [count, fate]), [[3, 'written'], [undefined, 'written']])
  t.is(found[0]!.id, `testhome.1.${sender.connection.number}.${last}`)
  t.deepEqual(lastMessages(rig.core, [number], 1).map(({ count }) => count), [undefined])
  t.deepEqual(lastMessages(rig.core, [], 20), [])
})
