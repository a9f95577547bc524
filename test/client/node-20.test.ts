import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import test from 'ava'
import { startBroker } from '../support/broker.ts'

// What Node 20 lacks of the language's own library. Syntax is the build's concern, and the tarball's test runs on the host's Node.
const NEWER = [
  'Promise.withResolvers', 'Promise.try', 'Array.fromAsync', 'Object.groupBy', 'Map.groupBy', 'RegExp.escape', 'Error.isError', 'Uint8Array.fromBase64', 'Uint8Array.fromHex',
  'Uint8Array.prototype.toBase64', 'Uint8Array.prototype.toHex', 'Set.prototype.union', 'Set.prototype.difference', 'Set.prototype.intersection', 'Set.prototype.isSubsetOf',
  'Iterator.from', ...['map', 'filter', 'take', 'drop', 'flatMap', 'reduce', 'toArray', 'forEach', 'some', 'every', 'find'].map(name => `Iterator.prototype.${name}`),
]

const PROGRAM = `
for (const name of ${JSON.stringify(NEWER)}) {
  const path = name.split('.')
  const owner = path.slice(0, -1).reduce((at, key) => at[key], globalThis)
  if (!(delete owner[path.at(-1)])) throw new Error(name + ' cannot be taken away')
}
const { connect } = await import(process.argv[1])
const client = await connect({ home: process.argv[2] })
const news = client.subscribe('news.>')
await news.ready
const answers = client.subscribe('ask', { onMessage: message => message.respond(message.value + 1) })
await answers.ready
await client.publish('news.today', 'good', { receipt: true })
const said = []
for await (const message of news) {
  said.push(message.value, (await client.request('ask', 41)).value)
  break
}
await client.close()
console.log(JSON.stringify(said))
`

test('client: it runs without what Node 20 does not have', async t => {
  const { home } = await startBroker(t)
  const client = pathToFileURL(join(import.meta.dirname, '../../client/index.ts')).href
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM, client, home])
  t.deepEqual(JSON.parse(stdout), ['good', 42])
})
