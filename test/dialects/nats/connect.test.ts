import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { connectDefaults, helloOf, readConnect } from '../../../dialects/nats/connect.ts'
import { readHello } from '../../../broker/protocol/bodies.ts'

function codeOf(t: ExecutionContext, text: string): string {
  return t.throws(() => readConnect(text), { instanceOf: BrokerError }, text).code
}

test('connect: what a client library says is read, and members that are not known are passed over', t => {
  const { options, presented } = readConnect('{"verbose":false,"pedantic":false,"echo":false,"headers":true,"no_responders":true,"protocol":1,"name":"me","lang":"go","version":"1.2.3","tls_required":true,"user":"ann","pass":"apple","auth_token":"t","nkey":"U","jwt":"j","sig":"s","something":{"else":[1]}}')
  t.deepEqual(options, { verbose: false, pedantic: false, echo: false, headers: true, noResponders: true, protocol: 1, name: 'me', lang: 'go', version: '1.2.3' })
  t.deepEqual(presented, { user: 'ann', pass: 'apple', token: 't', nkey: 'U', jwt: 'j', sig: 's' })
})

test('connect: what is left out, null or empty is as nothing said; names match in any case', t => {
  for (const text of ['{}', 'null', '{"verbose":null,"user":"","jwt":null,"protocol":null}']) {
    const { options, presented } = readConnect(text)
    t.deepEqual(options, connectDefaults)
    t.true(Object.values(presented).every(each => each === undefined))
  }
  t.like(readConnect('{"VERBOSE":false,"User":"ann"}'), { options: { verbose: false }, presented: { user: 'ann' } })
})

test('connect: a second one changes what it names', t => {
  const first = readConnect('{"verbose":false,"headers":true,"name":"me"}').options
  t.deepEqual(readConnect('{"verbose":true,"pedantic":false}', first).options, { ...first, verbose: true, pedantic: false })
})

test('connect: what is no JSON object, or has a member of another type, is refused without a word of what it held', t => {
  for (const text of ['', '{', 'nojson', '[]', '[1]', '1', '"x"', 'true', '{"verbose":1}', '{"verbose":"false"}', '{"user":5}', '{"pass":["secret"]}', '{"protocol":"1"}', '{"protocol":1.5}', '{"headers":{}}', '{"tls_required":"no"}', '{"pass":"secret"', '{"pass":"secret"}x']) {
    const error = t.throws(() => readConnect(text), { instanceOf: BrokerError }, text)
    t.is(error.code, 'nats.malformed', text)
    t.false(error.message.includes('secret'))
  }
})

test('connect: what nats-server refuses by name', t => {
  for (const protocol of [-1, 2, 100]) t.is(codeOf(t, `{"protocol":${protocol}}`), 'handshake.version')
  t.is(codeOf(t, '{"no_responders":true}'), 'nats.no_headers')
  for (const text of ['{"account":"x"}', '{"new_account":true}']) t.is(codeOf(t, text), 'auth.failed')
})

test('connect: any text is read, or refused by name; what is read makes a hello that the broker can read', t => {
  const value = fc.oneof(fc.string(), fc.boolean(), fc.integer({ min: 0, max: 1 }), fc.constant(null))
  const members = fc.dictionary(fc.constantFrom('verbose', 'user', 'pass', 'auth_token', 'name', 'lang', 'version', 'echo', 'headers', 'protocol', 'jwt', 'sig', 'nkey'), value)
  fc.assert(
    fc.property(fc.oneof(fc.string(), members.map(each => JSON.stringify(each))), text => {
      let connect
      try {
        connect = readConnect(text)
      } catch (error) {
        return t.true(error instanceof BrokerError && error.code === 'nats.malformed', text)
      }
      const hello = readHello(helloOf(connect))
      t.is(hello.echo, connect.options.echo)
      t.deepEqual(hello.auth, { kind: 'nats', presented: connect.presented })
    }),
  )
})

test('connect: the hello says who the client is, cut to what is shown', t => {
  const hello = readHello(helloOf(readConnect(JSON.stringify({ name: 'n'.repeat(500), lang: 'go', version: '1', echo: false }))))
  t.is(hello.program, 'n'.repeat(128))
  t.like(hello.device, { lang: 'go', version: '1' })
  t.is(hello.client, undefined)
  t.false(hello.echo)
})
