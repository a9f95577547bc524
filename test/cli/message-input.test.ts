import test from 'ava'
import { encodePayload } from '../../broker/ground/payload.ts'
import { parseMessage } from '../../cli/message-input.ts'

test('message input: what is JSON goes as JSON, other text as text', t => {
  t.deepEqual(parseMessage('{ "action": "status",\n "target": "gateway" }'), { payload: { action: 'status', target: 'gateway' }, options: { json: true } })
  for (const text of ['42', 'true', 'null', '"status"', '[1]']) t.deepEqual(parseMessage(text), { payload: JSON.parse(text) as unknown, options: { json: true } })
  for (const text of ['status', '...', '', '{action: status}', '{"a":1} trailing']) t.deepEqual(parseMessage(text), { payload: text, options: {} })
})

test('message input: integers keep every digit, also inside', t => {
  const { payload, options } = parseMessage('{"id":[9007199254740993,1e300,-12]}')
  t.is(new TextDecoder().decode(encodePayload(payload, options).bytes), '{"id":[{"$int":"9007199254740993"},1e+300,-12]}')
})
