// Wrong, empty, foreign and replayed credentials at the gateway, on every way in that it has.

import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decode, encode } from '@msgpack/msgpack'
import test from 'ava'
import { decodeFrame, encodeFrame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { errorTable, type ErrorCode } from '../../broker/ground/errors.ts'
import { codeIn, heard, nonceOf, say, Siege, untilTheEnd } from '../support/siege.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { BINARY, clientFrame } from '../support/websocket-frames.ts'
import type { WebSocketPeer } from '../support/websocket-peer.ts'

const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex')
const proof = (key: string, nonce: string, challenge: string, principal = 'owner'): string => hmac(key, `callboard-proof-v1\n${nonce}\n${challenge}\n${principal}`)

/** How a first message is answered: the code of the error, and the name with which the socket was closed. */
async function answered(siege: Siege, first: (nonce: string) => unknown): Promise<string> {
  const peer = await siege.open()
  say(peer, first(await nonceOf(peer)))
  // So that the broker need not wait for it when it closes.
  peer.close(1000)
  const { messages, code, reason } = await untilTheEnd(peer)
  if (messages.length !== 1 || messages[0]!['ok'] !== false) return `answered with ${JSON.stringify(messages)}`
  const said = codeIn(messages[0])
  return code === 4000 + errorTable[said as ErrorCode].close && reason === said ? said : `${said}, and closed with ${code} ${reason}`
}

const connect = (params: object): object => ({ type: 'connect', id: 1, params })

test('gateway abuse: no token but the right one lets a text client in', async t => {
  const siege = await Siege.begin(t)
  const { token } = siege.broker
  const wrong: readonly unknown[] = ['', ' ', 'x', token.slice(0, -1), `${token}x`, ` ${token}`, `${token}\n`, token.toUpperCase(), token.toLowerCase(), Array.from(token).toReversed().join(''), '\u0000', 'undefined', 'null', 'x'.repeat(1024), token.repeat(2), '${token}', '*', "' OR 1=1 --"]
  for (const value of wrong) t.is(await answered(siege, () => connect({ auth: { token: value } })), value === '' ? 'frame.malformed' : 'auth.failed', JSON.stringify(value))
  const shapes: readonly unknown[] = [null, true, 0, 1, [token], { token }, 'x'.repeat(1025), { $ne: '' }]
  for (const value of shapes) t.regex(await answered(siege, () => connect({ auth: { token: value } })), /^(auth\.failed|auth\.required|frame\.malformed|connect\.bad_params)$/, JSON.stringify(value)?.slice(0, 60))
  for (const auth of [undefined, null, {}, [], '', token, true, { Token: token }, { token: undefined }, { nonce: 'mine' }]) t.regex(await answered(siege, () => connect({ auth })), /^(auth\.required|frame\.malformed|connect\.bad_params)$/, JSON.stringify(auth))
  // Of another principal, one that does not exist, and names that are everywhere in an object.
  for (const principal of ['nobody', 'agent:main', '__proto__', 'constructor', 'toString', 'OWNER', 'owner ', 'owner\u0000', '']) t.regex(await answered(siege, () => connect({ principal, auth: { token } })), /^(auth\.failed|connect\.bad_params|frame\.malformed)$/, principal)
  await siege.holds()
})

test('gateway abuse: an empty token file, or one of spaces, is not a credential of anybody', async t => {
  for (const content of ['', '\n', '  \n', '\nlater']) {
    const tokenFile = join(temporaryDirectory(t), 'token')
    writeFileSync(tokenFile, content, { mode: 0o600 })
    await t.throwsAsync(Siege.begin(t, { principals: [{ name: 'ghost', tokenFile }] }), { message: /did not start: .*empty/s }, JSON.stringify(content))
  }
})

test('gateway abuse: no proof but one over this nonce, this challenge and this principal lets a client in', async t => {
  const siege = await Siege.begin(t)
  const { token } = siege.broker
  const attempt = (mac: (nonce: string) => unknown, more: object = { challenge: 'mine' }): Promise<string> => answered(siege, nonce => connect({ auth: { mac: mac(nonce) }, ...more }))
  const wrong: Readonly<Record<string, (nonce: string) => unknown>> = {
    'of zeros': () => '0'.repeat(64),
    'of no hex': () => 'z'.repeat(64),
    'with another token': nonce => proof('guess', nonce, 'mine'),
    'with an empty token': nonce => proof('', nonce, 'mine'),
    'over another nonce': () => proof(token, 'x'.repeat(32), 'mine'),
    'over no nonce': () => proof(token, '', 'mine'),
    'over another challenge': nonce => proof(token, nonce, 'yours'),
    'over another principal': nonce => proof(token, nonce, 'mine', 'agent:main'),
    'cut short': nonce => proof(token, nonce, 'mine').slice(0, 62),
    'of the welcome': nonce => hmac(token, `callboard-welcome-v1\n${nonce}\nmine\nowner`),
    'of the token alone': () => hmac(token, 'token'),
    'with fields moved': nonce => hmac(token, `callboard-proof-v1\n${nonce}\nmine\nowner\n`),
  }
  for (const [what, mac] of Object.entries(wrong)) t.is(await attempt(mac), 'auth.failed', what)
  // Line ends in the challenge move the fields of what is proved; the proof still binds all of them.
  t.is(await attempt(nonce => proof(token, nonce, 'mine', 'owner'), { challenge: 'mine\nowner', principal: 'owner' }), 'auth.failed')
  for (const mac of ['', null, 5, true, [], {}, 'a'.repeat(129)]) t.regex(await attempt(() => mac), /^(auth\.|frame\.malformed|connect\.bad_params)/, JSON.stringify(mac))
  t.is(await attempt(nonce => proof(token, nonce, ''), {}), 'handshake.expected', 'without a challenge of its own')
  const peer = await siege.open()
  say(peer, connect({ challenge: 'mine', auth: { mac: proof(token, await nonceOf(peer), 'mine') } }))
  t.like(await heard(peer), { ok: true })
  await siege.holds()
})

test('gateway abuse: a handshake that was recorded is worth nothing a second time', async t => {
  const siege = await Siege.begin(t)
  const first = await siege.open()
  const recorded = connect({ deviceId: 'lamp', challenge: 'mine', auth: { mac: proof(siege.broker.token, await nonceOf(first), 'mine') } })
  say(first, recorded)
  t.like(await heard(first), { ok: true })
  t.is(await answered(siege, () => recorded), 'auth.failed')
  // On its own connection it is not heard again either.
  say(first, recorded)
  t.is(codeIn(await heard(first)), 'frame.unsupported')
  first.socket.destroy()
  t.is(await answered(siege, () => recorded), 'auth.failed', 'nor when the first is gone')
  await siege.holds()
})

/** The error of the goodbye that a client of native frames gets, or what came instead. */
async function nativeAnswer(peer: WebSocketPeer): Promise<string> {
  for (;;) {
    const frame = await peer.next()
    if (frame === undefined) return `closed with ${(await peer.ending()).reason}`
    if (frame.opcode !== BINARY) continue
    const { kind, payload } = decodeFrame(frame.payload, 0, frame.payload.length)
    const body = payload.length === 0 ? {} : (decode(payload) as { code?: string; nonce?: string })
    if (kind === Kind.goodbye) return body.code ?? 'goodbye'
    return kind === Kind.challenge ? `challenge ${body.nonce}` : `kind ${kind}`
  }
}

const native = (kind: number, body: object, id = 1): Buffer => clientFrame({ payload: encodeFrame({ kind, id, payload: encode(body) }) })

test('gateway abuse: native frames over WebSocket are no way around it', async t => {
  const siege = await Siege.begin(t)
  const { token } = siege.broker
  const hello = async (body: (nonce: string) => object): Promise<string> => {
    const peer = await siege.open()
    peer.write(native(Kind.hello, body(await nonceOf(peer))))
    return nativeAnswer(peer)
  }
  t.is(await hello(() => ({})), 'auth.required')
  t.is(await hello(() => ({ auth: { token: '' } })), 'frame.malformed')
  for (const value of ['x', `${token} `, token.slice(1), 'x'.repeat(1024)]) t.is(await hello(() => ({ auth: { token: value } })), 'auth.failed', value)
  for (const value of [null, 5, true, [token]]) t.regex(await hello(() => ({ auth: { token: value } })), /^(frame\.malformed|auth\.required)$/)
  t.is(await hello(nonce => ({ challenge: 'c', auth: { mac: proof('guess', nonce, 'c') } })), 'auth.failed')
  t.is(await hello(nonce => ({ auth: { mac: proof(token, nonce, '') } })), 'handshake.expected')
  t.is(await hello(nonce => ({ challenge: 'c', auth: { mac: proof(token, nonce, 'c') } })), `kind ${Kind.welcome}`)
  t.is(await hello(() => ({ auth: { token } })), `kind ${Kind.welcome}`)
  await siege.holds()
})

test('gateway abuse: a challenge serves once, for the connection that asked', async t => {
  const siege = await Siege.begin(t)
  const { token } = siege.broker
  const asked = async (): Promise<{ peer: WebSocketPeer; nonce: string }> => {
    const peer = await siege.open()
    await nonceOf(peer)
    peer.write(native(Kind.hello, { auth: { nonce: 'c' } }))
    return { peer, nonce: (await nativeAnswer(peer)).replace('challenge ', '') }
  }
  const answer = async ({ peer }: { peer: WebSocketPeer }, body: object): Promise<string> => {
    peer.write(native(Kind.proof, body, 2))
    return nativeAnswer(peer)
  }
  const one = await asked()
  const good = { mac: proof(token, one.nonce, 'c') }
  t.is(await answer(await asked(), { mac: good.mac }), 'auth.failed', 'the answer to the challenge of somebody else')
  t.is(await answer(one, good), `kind ${Kind.welcome}`)
  t.is(await answer(await asked(), { ...good, nonce: one.nonce }), 'auth.replayed')
  const stolen = await asked()
  t.is(await answer(await asked(), { mac: proof(token, stolen.nonce, 'c'), nonce: stolen.nonce }), 'auth.failed', 'a challenge that is open, of somebody else')
  t.is(await answer(await asked(), { mac: good.mac, nonce: 'never-given' }), 'auth.failed')
  await siege.holds()
})

test('gateway abuse: guessing tells nothing, and locks nobody out', async t => {
  const siege = await Siege.begin(t)
  const told = new Set<string>()
  for (let i = 0; i < 200; i++) {
    const peer = await siege.open()
    await nonceOf(peer)
    say(peer, connect({ principal: i % 2 === 0 ? 'owner' : 'nobody', auth: { token: `guess-${i}` } }))
    peer.close(1000)
    const { messages } = await untilTheEnd(peer)
    told.add(JSON.stringify(messages).replaceAll(/owner|nobody/g, 'NAME'))
  }
  t.is(told.size, 1, 'a principal that exists is refused like one that does not')
  await siege.holds()
  const { stdout } = await siege.broker.callboard.run('logs')
  t.false(stdout.includes('guess-'), 'what was guessed is not logged: it may be half right')
})
