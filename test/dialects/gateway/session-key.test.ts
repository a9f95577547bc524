import test from 'ava'
import fc from 'fast-check'
import { parseSessionKey } from '../../../dialects/gateway/session-key.ts'

const letters = Array.from('ABCXYZabcxyz019_-')
const word = (maxLength: number): fc.Arbitrary<string> => fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength })
const peer = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).map(text => text.replace(/[\s\p{Cc}]/gu, ':') || '+1')

test('session key: the sample of the gateway', t => {
  t.deepEqual(parseSessionKey('agent:main:whatsapp:dm:+1234567890'), { agent: 'main', channel: 'whatsapp', kind: 'dm', peer: '+1234567890' })
})

test('session key: any four parts come back as they are, colons of the peer too', t => {
  fc.assert(fc.property(word(128), word(64), word(64), peer, (agent, channel, kind, who) => {
    t.deepEqual(parseSessionKey(`agent:${agent}:${channel}:${kind}:${who}`), { agent, channel, kind, peer: who })
  }))
})

test('session key: any text either comes back from its parts or is refused by name', t => {
  const pieces = fc.array(fc.oneof(fc.constantFrom('agent', ':', 'main', 'a b', '', '*', '.', '>'), fc.string()), { maxLength: 12 }).map(parts => parts.join(''))
  fc.assert(fc.property(fc.oneof(pieces, pieces.map(text => `agent:${text}`)), text => {
    let parsed
    try {
      parsed = parseSessionKey(text)
    } catch (error) {
      t.is((error as { code?: string }).code, 'order.bad_key')
      return
    }
    t.is(`agent:${parsed.agent}:${parsed.channel}:${parsed.kind}:${parsed.peer}`, text)
  }))
})

const wrong: [key: string, part: string][] = [
  ['', 'agent:'],
  ['user:main:a:b:c', 'agent:'],
  ['agent:', 'its agent'],
  ['agent:a.b:c:d:e', 'its agent'],
  [`agent:${'x'.repeat(129)}:c:d:e`, 'its agent'],
  ['agent:main', 'its channel'],
  ['agent:main::dm:x', 'its channel'],
  ['agent:main:cli', 'its kind'],
  ['agent:main:cli:d m:x', 'its kind'],
  ['agent:main:cli:dm', 'its peer'],
  ['agent:main:cli:dm:', 'its peer'],
  ['agent:main:cli:dm:a b', 'its peer'],
  ['agent:main:cli:dm:a\n', 'its peer'],
  [`agent:main:cli:dm:${'x'.repeat(257)}`, 'its peer'],
]

test('session key: what is wrong names the part, and does not repeat the key', t => {
  for (const [key, part] of wrong) {
    const error = t.throws(() => parseSessionKey(key), undefined, key)
    t.true(error?.message.includes(part), `${key}: ${error?.message}`)
    t.false(key.length > 12 && error?.message.includes(key))
  }
})
