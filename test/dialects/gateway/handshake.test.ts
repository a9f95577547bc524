import { createHmac } from 'node:crypto'
import test from 'ava'
import type { GatewayClient, Line } from '../../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig } from '../../support/pipeline.ts'

const hmac = (text: string, token = OWNER_TOKEN): string => createHmac('sha256', token).update(text).digest('hex')

/** The proof of docs/protocol.md section 2. */
function proofOf({ nonce }: GatewayClient, challenge: string, principal = 'owner', token = OWNER_TOKEN): { mac: string } {
  return { mac: hmac(`callboard-proof-v1\n${nonce}\n${challenge}\n${principal}`, token) }
}

function connect(client: GatewayClient, params: object): Line {
  client.send({ type: 'connect', id: 'c', params })
  const [answer] = client.lines()
  return answer!
}

function refusal(client: GatewayClient, params: object): unknown {
  const answer = connect(client, params)
  return answer['ok'] === false && answer['type'] === 'res' && client.link.isClosed ? [(answer['error'] as { code: string }).code, client.link.closeReason?.code] : answer
}

test('gateway handshake: a client is greeted with a nonce of its own and the time', async t => {
  const rig = new PipelineRig()
  await rig.clock.advance(1234)
  const seen = new Set<string>()
  for (let i = 0; i < 3; i++) {
    const client = rig.gatewayLink()
    t.regex(client.nonce, /^[A-Za-z0-9_-]{32}$/)
    seen.add(client.nonce)
  }
  t.is(seen.size, 3)
})

test('gateway handshake: connect is answered with hello-ok, health, presence, state and limits', async t => {
  const rig = new PipelineRig()
  rig.json({ client: 'script', program: 'cron' })
  rig.gateway({ deviceId: 'iphone-15-pro', role: 'node', capabilities: ['canvas', 'sensors'], nodeType: 'ios', version: '2.5.1', agent: 'main' })
  await rig.clock.advance(5000)
  const client = rig.gatewayLink()
  const answer = connect(client, { deviceId: 'my-macbook-pro', auth: { token: OWNER_TOKEN }, challenge: 'nonce-value-123456', capabilities: ['agent', 'tools', 'canvas'], unknown: { x: 1 } })
  t.like(answer, { type: 'res', id: 'c', ok: true })
  const payload = answer['payload'] as Line
  t.like(payload, { status: 'hello-ok', health: { gateway: 'running', channels: {} }, client: 'my-macbook-pro', principal: 'owner', protocol: 1, limits: { maxOpenRequests: 10_000 } })
  const { presence, presenceTotal, state } = payload['snapshot'] as { presence: Line[]; presenceTotal: number; state: Line }
  t.deepEqual(presence.map(({ since: _, ...rest }) => rest), [
    { client: 'script', program: 'cron', capabilities: [] },
    { client: 'iphone-15-pro', agent: 'main', role: 'node', nodeType: 'ios', version: '2.5.1', capabilities: ['canvas', 'sensors'] },
    { client: 'my-macbook-pro', capabilities: ['agent', 'tools', 'canvas'] },
  ])
  t.is(Number(presence[2]!['since']) - Number(presence[0]!['since']), 5000)
  t.is(presenceTotal, 3)
  t.deepEqual(state, { broker: 'testhome', incarnation: 1, version: '1.2.3', uptimeMs: 5000, connections: 3, channels: 5 })
  t.is(payload['mac'], hmac(`callboard-welcome-v1\n${client.nonce}\nnonce-value-123456\nowner`))
})

test('gateway handshake: the state tells the time since the broker started, not since its first gateway client', async t => {
  const rig = new PipelineRig()
  await rig.clock.advance(5000)
  const answer = connect(rig.gatewayLink(), { deviceId: 'first', auth: { token: OWNER_TOKEN } })
  t.like(answer, { payload: { snapshot: { state: { uptimeMs: 5000 } } } })
})

test('gateway handshake: a client proves itself with the greeting\'s nonce and never says its token', t => {
  const client = new PipelineRig().gatewayLink()
  const answer = connect(client, { deviceId: 'd', challenge: 'mine', auth: proofOf(client, 'mine') })
  t.like(answer, { ok: true, payload: { client: 'd', mac: hmac(`callboard-welcome-v1\n${client.nonce}\nmine\nowner`) } })
})

test('gateway handshake: whom a principal may not write to is not shown to it', t => {
  const rig = new PipelineRig()
  const publish = { allow: ['news.>', '$CB.to.client.friend'], deny: [] }
  rig.addPrincipal({ name: 'guest', publish }, 'guest-token')
  for (const client of ['friend', 'stranger']) rig.json({ client })
  const { helloOk } = rig.gateway({ deviceId: 'me', principal: 'guest', auth: { token: 'guest-token' } })
  const { presence, presenceTotal } = helloOk['snapshot'] as { presence: Line[]; presenceTotal: number }
  t.deepEqual(presence.map(({ client }) => client), ['friend', 'me'])
  t.is(presenceTotal, 2)
})

test('gateway handshake: presence lists two hundred and counts all, also for those who may not know all', t => {
  const rig = new PipelineRig({ maxConnections: 300 })
  rig.addPrincipal({ name: 'guest', publish: { allow: ['>'], deny: ['$CB.to.client.secret'] } }, 'guest')
  rig.json({ client: 'secret' })
  for (let i = 0; i < 201; i++) rig.json()
  for (const [params, total] of [[{}, 203], [{ principal: 'guest', auth: { token: 'guest' } }, 203]] as const) {
    const { presence, presenceTotal } = rig.gateway(params).helloOk['snapshot'] as { presence: Line[]; presenceTotal: number }
    t.deepEqual([presence.length, presenceTotal], [200, total])
    t.is(presence.some(({ client }) => client === 'secret'), !('principal' in params))
  }
})

test('gateway handshake: what is wrong with the credentials is named, and closes with its code', t => {
  const rig = new PipelineRig()
  const cases: [params: (client: GatewayClient) => object, code: string][] = [
    [() => ({}), 'auth.required'],
    [() => ({ auth: {} }), 'auth.required'],
    [() => ({ auth: { token: 'wrong' } }), 'auth.failed'],
    [() => ({ auth: { token: '' } }), 'frame.malformed'],
    [() => ({ auth: { token: 7 } }), 'frame.malformed'],
    [() => ({ auth: 'token' }), 'frame.malformed'],
    [() => ({ auth: { token: OWNER_TOKEN }, principal: 'nobody' }), 'auth.failed'],
    [client => ({ challenge: 'x', auth: proofOf(client, 'y') }), 'auth.failed'],
    [client => ({ challenge: 'x', auth: proofOf(client, 'x', 'owner', 'other') }), 'auth.failed'],
    [client => ({ auth: proofOf(client, 'x') }), 'handshake.expected'],
    // A nonce is the answer to no greeting.
    [() => ({ auth: { nonce: 'mine' } }), 'auth.required'],
  ]
  for (const [i, [params, code]] of cases.entries()) {
    const client = rig.gatewayLink()
    t.deepEqual(refusal(client, params(client)), [code, code], `case ${i}`)
  }
})

test('gateway handshake: a proof holds for ten seconds and on its own connection', async t => {
  const rig = new PipelineRig({ ipc: { limits: { handshakeMs: 60_000 } } })
  const [old, first, second] = [rig.gatewayLink(), rig.gatewayLink(), rig.gatewayLink()]
  t.deepEqual(refusal(second, { challenge: 'x', auth: proofOf(first, 'x') }), ['auth.failed', 'auth.failed'])
  t.like(connect(first, { challenge: 'x', auth: proofOf(first, 'x') }), { ok: true })
  await rig.advance(10_001)
  t.deepEqual(refusal(old, { challenge: 'x', auth: proofOf(old, 'x') }), ['auth.expired', 'auth.expired'])
})

test('gateway handshake: params that are wrong are named', t => {
  const wrong: [params: object, problem: string][] = [
    [{ deviceId: 'Ada\'s Mac' }, 'params.deviceId must be 1 to 128 of'],
    [{ deviceId: 'x'.repeat(129) }, 'params.deviceId'],
    [{ deviceId: 7 }, 'params.deviceId'],
    [{ capabilities: 'canvas' }, 'params.capabilities must be an array'],
    [{ capabilities: Array.from({ length: 65 }, () => 'x') }, 'params.capabilities'],
    [{ role: {} }, 'params.role'],
    [{ version: 2 }, 'params.version'],
  ]
  for (const [params, problem] of wrong) {
    const client = new PipelineRig().gatewayLink()
    const answer = connect(client, { auth: { token: OWNER_TOKEN }, ...params })
    t.like(answer, { ok: false, error: { code: 'connect.bad_params', retryable: false } })
    t.true((answer['error'] as { message: string }).message.includes(problem), JSON.stringify(answer))
  }
  t.is((refusal(new PipelineRig().gatewayLink(), ['x']) as string[])[0], 'connect.bad_params')
})

test('gateway handshake: anything but connect is refused, whatever it says, without a secret', t => {
  const first = ['{"type":"req","id":1,"method":"status"}', '{"type":"hello","payload":{"token":"s3cret"}}', '{"type":"ping","token":"s3cret"}', '{"type":"s3"}', '{}', '{"type":["x"]}']
  for (const text of first) {
    const client = new PipelineRig().gatewayLink()
    client.raw(text)
    const [answer] = client.lines()
    t.like(answer, { type: 'res', ok: false, error: { code: 'handshake.expected', details: { expected: 'connect' } } }, text)
    t.is(answer!['id'], text.includes('"id":1') ? 1 : undefined)
    t.false(JSON.stringify(answer).includes('s3cret'))
    t.is(client.link.closeReason?.code, 'handshake.expected')
  }
  for (const [text, code] of [['nonsense', 'envelope.malformed'], ['[1]', 'envelope.malformed'], ['', 'envelope.malformed'], [`{"type":"connect","x":"${'x'.repeat(65_536)}"}`, 'frame.too_large']] as const) {
    const client = new PipelineRig().gatewayLink()
    client.raw(text)
    t.like(client.lines()[0], { type: 'res', ok: false, error: { code } }, text.slice(0, 40))
    t.is(client.link.closeReason?.code, code)
  }
})

test('gateway handshake: one time is enough', t => {
  const client = new PipelineRig().gateway()
  client.send({ type: 'connect', id: 2, params: { auth: { token: OWNER_TOKEN } } })
  t.like(client.lines()[0], { type: 'res', id: 2, ok: false, error: { code: 'frame.unsupported' } })
  t.true(client.connection.isReady)
})

test('gateway handshake: who says nothing is closed with the reason', async t => {
  const rig = new PipelineRig()
  const client = rig.gatewayLink()
  await rig.advance(10_100)
  t.true(client.link.isClosed)
  t.is(client.link.closeReason?.code, 'handshake.timeout')
})

test('gateway handshake: over the limit of connections a client is told so', t => {
  const rig = new PipelineRig({ maxConnections: 1 })
  rig.gateway()
  const client = rig.gatewayLink()
  t.deepEqual(refusal(client, { auth: { token: OWNER_TOKEN } }), ['connection.limit', 'connection.limit'])
})

test('gateway handshake: a device that comes again takes over, and the one before is told', t => {
  const rig = new PipelineRig()
  const before = rig.gateway({ deviceId: 'd' })
  rig.gateway({ deviceId: 'd' })
  t.like(before.lines()[0], { type: 'event', event: 'goodbye', payload: { code: 'session.taken_over' } })
  t.is(before.link.closeReason?.code, 'session.taken_over')
})

test('gateway handshake: native frames on a link with messages are greeted too and prove themselves with it', t => {
  const rig = new PipelineRig()
  const greeted = rig.gatewayLink()
  t.is(greeted.connection.greeting?.nonce, greeted.nonce)
  t.is(rig.jsonLink().connection.greeting, undefined)
})
