import test from 'ava'
import { publishAgentEvent } from '../../broker/agent-events.ts'
import { decodePayload } from '../../broker/ground/payload.ts'
import { PayloadType } from '../../broker/wire/layout.ts'
import { PipelineRig } from '../support/pipeline.ts'

test('agent events: whoever may see them and asked for them does, nobody else, and nobody makes them up', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest', subscribe: { allow: ['>'], deny: ['$CB.agent.>'] } }, 'guest')
  const [watcher, guest, bystander] = [rig.native(), rig.native({ principal: 'guest', auth: { token: 'guest' } }), rig.native()]
  watcher.subscribe(1, '$CB.agent.crashed.*')
  guest.subscribe(1, '$CB.agent.>')
  bystander.subscribe(1, '>')
  bystander.subscribe(2, '$CB.agent')
  watcher.subscribe(2, '$CB.agent.>', { group: 'g' })
  const refusals = [guest, bystander, watcher].map(each => (each.frames().at(-1)!.body as { code?: string }).code)
  t.deepEqual(refusals, ['permission.denied', 'permission.denied', 'permission.denied'])
  publishAgentEvent(rig.core, { event: 'started', agent: 'lamp', instance: 'lamp', incarnation: 1, pid: 7 })
  publishAgentEvent(rig.core, { event: 'crashed', agent: 'lamp', instance: 'lamp/2', incarnation: 1, report: '17-2-1' })
  const [heard, ...more] = watcher.messages()
  t.is(heard!.subject, '$CB.agent.crashed.lamp')
  t.like(decodePayload(PayloadType.json, heard!.payload), { event: 'crashed', instance: 'lamp/2', report: '17-2-1' })
  t.deepEqual([more, guest.messages(), bystander.messages()], [[], [], []])
  t.true(rig.core.accounts.totals().balanced)
  bystander.publish('$CB.agent.crashed.lamp')
  t.like(bystander.frames()[0]!.body, { code: 'permission.denied' })
})
