import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripTypeScriptTypes } from 'node:module'
import test from 'ava'
import { Kind } from '../../broker/wire/layout.ts'
import { connect } from '../../client/browser.ts'
import { readImports } from '../support/import-graph.ts'
import { ScriptedBroker, TOKEN } from '../support/scripted-broker.ts'
import { WebSocketBridge } from '../support/websocket-bridge.ts'

const root = join(import.meta.dirname, '../..')
const PACKAGES = ['@msgpack/msgpack', '@noble/hashes', '@opentelemetry/api']
// What a page does not have. Comments may speak of them.
const NODE_ONLY = /\b(?:process\.|Buffer\b|setImmediate|require\(|__dirname)/

/** All that the browser's entry imports when it runs, by path, types stripped. */
function browserSources(): Map<string, string> {
  const sources = new Map<string, string>()
  const visit = (file: string): void => {
    if (sources.has(file)) return
    // Blanks stay where the types were: readImports() reads lines.
    sources.set(file, stripTypeScriptTypes(readFileSync(join(root, file), 'utf8')))
    for (const { to, specifier } of readImports(new Map([[file, sources.get(file)!]]))) if (specifier?.startsWith('.') === true) visit(to!)
  }
  visit('client/browser.ts')
  return sources
}

test('browser: nothing that its entry imports needs Node', t => {
  const sources = browserSources()
  t.true(sources.has('client/session.ts') && sources.has('broker/wire/frame.ts'), 'the graph was walked')
  t.false(sources.has('client/options.ts'))
  for (const { from, to, specifier } of readImports(sources)) {
    if (specifier?.startsWith('.') !== true) t.true(to !== undefined && PACKAGES.includes(to), `${from} imports ${to}`)
  }
  for (const [file, text] of sources) {
    const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    t.is(NODE_ONLY.exec(code)?.[0], undefined, file)
  }
})

// Node has all that the entry needs of a browser, so most of it runs here; test/scenario/browser.test.ts has a real one.
test('browser: its keyed hash proves the token, and its client works', async t => {
  const broker = await ScriptedBroker.start(t)
  const bridge = await WebSocketBridge.start(t, broker.socket)
  const [client, peer] = await Promise.all([connect({ url: bridge.url, token: TOKEN, program: 'a page' }), broker.welcome()])
  t.teardown(() => client.destroy())
  t.regex(String(peer.hello['client']), /^a-page-[0-9a-f]{12}$/)
  t.like(peer.hello, { program: 'a page', protocol: { min: 1, max: 1 } })
  t.is((peer.hello['auth'] as { token?: string }).token, undefined, 'the token stays here')
  for (let i = 0; i < 3; i++) client.publish('x', i).catch(() => {})
  for (let i = 0; i < 3; i++) t.deepEqual([...(await peer.nextOf(Kind.publish)).payload], [i])
})

test('browser: messages that must be signed are signed as Node would', async t => {
  const broker = await ScriptedBroker.start(t)
  const bridge = await WebSocketBridge.start(t, broker.socket)
  const [client, peer] = await Promise.all([connect({ url: bridge.url, token: TOKEN }), broker.welcome({ signature: true })])
  t.teardown(() => client.destroy())
  await client.publish('x', new Uint8Array(0))
  const { kind, flags, id, headers } = await peer.nextOf(Kind.publish)
  // docs/protocol.md section 6: kind, flags, id, then from the subject's length to the end without the header.
  const covered = Buffer.alloc(11)
  covered.writeUInt8(kind, 0)
  covered.writeUInt16BE(flags, 1)
  covered.writeBigUInt64BE(BigInt(id), 3)
  const rest = Buffer.from([1, 'x'.charCodeAt(0), 0x81, 0xc6, 0, 0, 0, 0])
  t.deepEqual(Buffer.from(headers!['sig'] as Uint8Array), createHmac('sha256', TOKEN).update(covered).update(rest).digest())
})
