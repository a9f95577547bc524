// What clients may write in the NATS protocol beside its usual form, and what of it is wrong. Each is said at once, and cut at
// every place in turn: the outcome is the same.

import test, { type ExecutionContext } from 'ava'
import { defaultSettings } from '../../../broker/ground/settings.ts'
import { PipelineRig } from '../../support/pipeline.ts'

interface Outcome {
  /** What the client was told. */
  readonly told: string
  /** What the subscriber of everything got. */
  readonly heard: string
  readonly isClosed: boolean
}

/** The outcome of a session after CONNECT, said in these chunks, and the sum of what is accounted. */
function outcome(t: ExecutionContext, chunks: readonly string[]): Outcome {
  const rig = new PipelineRig()
  const [client, subscriber] = [rig.nats({ echo: false, pedantic: false }), rig.nats()]
  subscriber.raw('SUB > 9\r\n')
  for (const chunk of chunks) if (!client.link.isClosed) client.raw(Buffer.from(chunk, 'latin1'))
  const told = client.text()
  const heard = subscriber.text()
  subscriber.raw('PING\r\n')
  t.is(subscriber.text(), 'PONG\r\n', 'the neighbour is not harmed')
  t.true(rig.core.accounts.totals().balanced)
  t.deepEqual(rig.log.records.filter(({ level }) => level === 'error'), [])
  return { told, heard, isClosed: client.link.isClosed }
}

function said(title: string, session: string, expected: { told?: string; heard?: string; closes?: boolean }): void {
  test(`nats corners: ${title}`, t => {
    const whole = outcome(t, [session])
    t.deepEqual(whole, { told: expected.told ?? '', heard: expected.heard ?? '', isClosed: expected.closes ?? false })
    for (let cut = 1; cut < session.length; cut++) t.deepEqual(outcome(t, [session.slice(0, cut), session.slice(cut)]), whole, `cut at ${cut}`)
    t.deepEqual(outcome(t, Array.from(session)), whole, 'byte by byte')
  })
}

const err = (text: string): string => `-ERR '${text}'\r\n`
const pub = (subject: string, payload: string): string => `PUB ${subject} ${payload.length}\r\n${payload}\r\n`
const msg = (subject: string, payload: string): string => `MSG ${subject} 9 ${payload.length}\r\n${payload}\r\n`
const BLOCK = 'NATS/1.0\r\nA: b\r\n\r\n'
const { maxControlLineBytes } = defaultSettings.nats

said('a session of everything', `SUB own 1\r\nPUB a.b 5\r\nhello\r\nPUB a.b 0\r\n\r\nPUB a.c re.ply 3\r\n\r\n\r\r\nHPUB d ${BLOCK.length} ${BLOCK.length + 1}\r\n${BLOCK}x\r\nPING\r\nUNSUB 1\r\nPONG\r\nPUB e 1\r\ny\r\n`, {
  told: 'PONG\r\n',
  heard: `MSG a.b 9 5\r\nhello\r\nMSG a.b 9 0\r\n\r\nMSG a.c 9 re.ply 3\r\n\r\n\r\r\nHMSG d 9 ${BLOCK.length} ${BLOCK.length + 1}\r\n${BLOCK}x\r\nMSG e 9 1\r\ny\r\n`,
})
said('verbs in lower and mixed case', `sub own 1\r\npub a 1\r\nx\r\nPub a 1\r\ny\r\nhpub a ${BLOCK.length} ${BLOCK.length}\r\n${BLOCK}\r\nunsub 1\r\nping\r\npong\r\n`, {
  told: 'PONG\r\n',
  heard: `MSG a 9 1\r\nx\r\nMSG a 9 1\r\ny\r\nHMSG a 9 ${BLOCK.length} ${BLOCK.length}\r\n${BLOCK}\r\n`,
})
said('spaces and tabs wherever there may be one', `SUB \t own  1 \r\nPUB  a 1\r\nx\r\nPUB\ta\tre.ply\t1\t\r\ny\r\nHPUB a   ${BLOCK.length}\t${BLOCK.length}  \r\n${BLOCK}\r\nUNSUB   1\t\r\nPING  \r\n`, {
  told: 'PONG\r\n',
  heard: `MSG a 9 1\r\nx\r\nMSG a 9 re.ply 1\r\ny\r\nHMSG a 9 ${BLOCK.length} ${BLOCK.length}\r\n${BLOCK}\r\n`,
})
said('lines that end in a line feed alone', 'PING\nPUB a 1\nx\r\nPING\r\n', { told: 'PONG\r\nPONG\r\n', heard: 'MSG a 9 1\r\nx\r\n' })
said('payloads that look like the protocol, and bytes of all kinds', pub('a', 'PUB b 1\r\nx\r\nPING\r\n\r\n\r') + pub('a', '\u0000\r\n\u0000\u00ff\r\n\r\n'), { heard: msg('a', 'PUB b 1\r\nx\r\nPING\r\n\r\n\r') + msg('a', '\u0000\r\n\u0000\u00ff\r\n\r\n') })
said('sizes with zeros in front', 'PUB a 0003\r\nabc\r\n', { heard: 'MSG a 9 0003\r\nabc\r\n' })
said('any word for a subscription id', `SUB own a-long.sid*>\r\nUNSUB a-long.sid*>\r\nUNSUB never-there\r\nPING\r\n`, { told: 'PONG\r\n' })
said('UNSUB with fewer than came already ends it at once', 'SUB mine 1\r\nPUB mine 1\r\na\r\nUNSUB 1 1\r\nPUB mine 1\r\nb\r\nPING\r\n', { told: 'PONG\r\n', heard: 'MSG mine 9 1\r\na\r\nMSG mine 9 1\r\nb\r\n' })

said('a payload that is longer than its size', 'PUB a 3\r\nabcdef\r\nPING\r\n', { told: err('Unknown Protocol Operation'), closes: true })
said('a payload that is shorter than its size', 'PUB a 9\r\nabc\r\nPUB b 1\r\nx\r\n', { told: err('Unknown Protocol Operation'), closes: true })
said('a payload with half of its line end', 'PUB a 3\r\nabc\r.', { told: err('Unknown Protocol Operation'), closes: true })
said('a negative size', 'PUB a -1\r\n\r\n', { told: err('Parser Error'), closes: true })
said('a size that is no number', 'PUB a 1x\r\nx\r\n', { told: err('Parser Error'), closes: true })
said('no size', 'PUB a\r\n\r\n', { told: err('Parser Error'), closes: true })
said('nothing behind the verb', 'PUB \r\n\r\n', { told: err('Parser Error'), closes: true })
said('too many words', 'PUB a b c 1\r\nx\r\n', { told: err('Parser Error'), closes: true })
said('a size above max_payload', 'PUB a 99999999\r\nx', { told: err('Maximum Payload Violation'), closes: true })
said('a size of twenty digits', 'PUB a 99999999999999999999\r\nx', { told: err('Parser Error'), closes: true })
said('HPUB with more headers than there is message', `HPUB a 20 10\r\n${BLOCK}\r\n`, { told: err('Parser Error'), closes: true })
said('HPUB with one size', `HPUB a ${BLOCK.length}\r\n${BLOCK}\r\n`, { told: err('Parser Error'), closes: true })
said('HPUB with a negative size of headers', `HPUB a -1 ${BLOCK.length}\r\n${BLOCK}\r\n`, { told: err('Parser Error'), closes: true })
said('HPUB whose sizes leave something over', `HPUB a ${BLOCK.length} ${BLOCK.length}\r\n${BLOCK}x\r\n`, { told: err('Unknown Protocol Operation'), closes: true })
said('SUB without an id', 'SUB a\r\n', { told: err('Parser Error'), closes: true })
said('SUB with too much', 'SUB a b c d\r\n', { told: err('Parser Error'), closes: true })
said('UNSUB with a number that is none', 'SUB a 1\r\nUNSUB 1 x\r\n', { told: err('Parser Error'), closes: true })
said('an operation that there is not', 'HELLO\r\n', { told: err('Unknown Protocol Operation'), closes: true })
said('an operation of servers', 'MSG a 1 1\r\nx\r\n', { told: err('Unknown Protocol Operation'), closes: true })
said('an empty line', '\r\n', { told: err('Unknown Protocol Operation'), closes: true })
said('a zero byte', '\u0000PING\r\n', { told: err('Unknown Protocol Operation'), closes: true })

said('what is published where nothing can be is passed by', 'PUB a..b 1\r\nx\r\nPUB a.* 1\r\nx\r\nPUB .a 1\r\nx\r\nPUB \u00ff 1\r\nx\r\nPUB  \u00ff 1\r\nx\r\nPING\r\n', { told: 'PONG\r\n' })
said('control characters in words', 'PUB a\u0000b 1\r\nx\r\n', { told: err('Parser Error'), closes: true })
said('a line end in a reply subject', 'PUB a r\reply 1\r\nx\r\n', { told: err('Parser Error'), closes: true })
said('what cannot be subscribed to is told, and the connection stays', 'SUB a..b 1\r\nSUB >.a 2\r\nSUB a.> 3\r\nPING\r\n', { told: `${err('Invalid Subject').repeat(2)}PONG\r\n` })

test('nats corners: what is published where nothing can be is told to the pedantic', t => {
  const client = new PipelineRig().nats({ pedantic: true })
  client.raw('PUB a..b 1\r\nx\r\nPING\r\n')
  t.is(client.text(), `${err('Invalid Publish Subject')}PONG\r\n`)
})

test('nats corners: a line that is too long ends the connection, whether its end has come or not', t => {
  const line = `PUB ${'a'.repeat(maxControlLineBytes)} 1\r\n`
  for (const session of [line, `${line}x\r\n`, 'x'.repeat(maxControlLineBytes + 3), `SUB ${'a'.repeat(maxControlLineBytes)} 1\r\n`, `PING${' '.repeat(maxControlLineBytes)}\r\n`]) {
    for (const cut of [0, 1, 100, maxControlLineBytes - 1, maxControlLineBytes + 1]) {
      t.deepEqual(outcome(t, [session.slice(0, cut), session.slice(cut)].filter(chunk => chunk !== '')), { told: err('maximum control line exceeded'), heard: '', isClosed: true }, `${session.slice(0, 8)} cut at ${cut}`)
    }
  }
})

test('nats corners: a large payload in small chunks takes the memory that came, not what is announced', t => {
  const rig = new PipelineRig()
  const clients = Array.from({ length: 50 }, () => rig.nats())
  const before = process.memoryUsage().arrayBuffers
  for (const client of clients) client.raw('PUB a 1000000\r\nx')
  t.true(process.memoryUsage().arrayBuffers - before < 50 * 100_000)
})

test('nats corners: -ERR of a client is its goodbye', t => {
  const rig = new PipelineRig()
  const client = rig.nats()
  client.raw('-ERR \'no longer\'\r\n')
  rig.turn()
  t.true(client.link.isClosed)
})
