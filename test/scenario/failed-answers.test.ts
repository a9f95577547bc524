import test from 'ava'
import { BrokerError } from '../../client/index.ts'
import { startBroker } from '../support/broker.ts'

test('failed answers: a script that asks the SDK reads why there is no answer', async t => {
  const broker = await startBroker(t)
  const [client, script] = await Promise.all([broker.connect(), broker.json()])
  await client.subscribe('lamp', { onMessage: message => message.fail('lamp.broken', 'no light') }).ready
  script.say({ id: 1, type: 'request', subject: 'lamp', payload: 'on' })
  t.like(await script.nextOf('error'), { ref: 1, payload: { code: 'request.failed', message: 'no light', details: { code: 'lamp.broken' } } })
})

const failures: [string, unknown, { code: string; message: string }][] = [
  ['a code that the broker has', { code: 'agent.failed', message: 'agent "lamp" is broken' }, { code: 'agent.failed', message: 'agent "lamp" is broken' }],
  ['a code of its own', { code: 'lamp.broken', message: 'no light' }, { code: 'request.failed', message: 'no light' }],
  ['a code alone', { code: 'lamp.broken' }, { code: 'request.failed', message: 'lamp.broken' }],
  ['a text', 'no light', { code: 'request.failed', message: 'no light' }],
]

for (const [what, payload, expected] of failures) {
  test(`failed answers: the SDK that asks a script reads ${what}`, async t => {
    const broker = await startBroker(t)
    const [client, script] = await Promise.all([broker.connect(), broker.json()])
    script.say({ type: 'subscribe', subject: 'lamp' })
    await script.nextOf('ok')
    const answer = t.throwsAsync(client.request('lamp'), { instanceOf: BrokerError })
    const { replyTo } = await script.nextOf('request')
    script.say({ type: 'error', ref: replyTo, payload })
    t.like(await answer, expected)
  })
}
