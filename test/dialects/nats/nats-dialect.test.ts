import test from 'ava'
import fc from 'fast-check'
import { PipelineRig } from '../../support/pipeline.ts'

test('nats: what is published reaches each subscription with its sid, payload and reply subject as they came', t => {
  const rig = new PipelineRig()
  const [publisher, receiver] = [rig.nats(), rig.nats()]
  receiver.raw('SUB a.* 7\r\nSUB a.b 8\r\n')
  publisher.raw('PUB a.b 5\r\nhello\r\nPUB a.b 2\r\nhi\r\nPUB a.c answers.here 0\r\n\r\n')
  publisher.text()
  t.is(receiver.text(), 'MSG a.b 7 5\r\nhello\r\nMSG a.b 7 2\r\nhi\r\nMSG a.b 8 5\r\nhello\r\nMSG a.b 8 2\r\nhi\r\nMSG a.c 7 answers.here 0\r\n\r\n')
  t.true(rig.core.accounts.totals().balanced)
})

test('nats: headers leave as they came; who takes none gets the payload alone', t => {
  const rig = new PipelineRig()
  const [publisher, modern, old] = [rig.nats(), rig.nats(), rig.nats({ headers: false, no_responders: false })]
  modern.raw('SUB a 1\r\n')
  old.raw('SUB a 1\r\n')
  const block = 'NATS/1.0\r\nA: b\r\n\r\n'
  publisher.raw(`HPUB a re.ply ${block.length} ${block.length + 2}\r\n${block}hi\r\n`)
  t.is(modern.text(), `HMSG a 1 re.ply ${block.length} ${block.length + 2}\r\n${block}hi\r\n`)
  t.is(old.text(), 'MSG a 1 re.ply 2\r\nhi\r\n')
})

test('nats: headers and payloads are counted both ways, lines are not', t => {
  const rig = new PipelineRig()
  const [publisher, receiver, native] = [rig.nats(), rig.nats(), rig.native()]
  receiver.raw('SUB a 1\r\nSUB a other 2\r\n')
  const block = 'NATS/1.0\r\nA: b\r\n\r\n'
  publisher.raw(`PUB a 5\r\nhello\r\nPUB a 2\r\nhi\r\nHPUB a ${block.length} ${block.length + 2}\r\n${block}hi\r\nPUB a re.ply 1\r\nx\r\n`)
  const bytes = 5 + 2 + block.length + 2 + 1
  t.deepEqual(publisher.connection.dialect!.messageBytes, { received: bytes, delivered: 0 })
  t.deepEqual(receiver.connection.dialect!.messageBytes, { received: 0, delivered: 2 * bytes })
  native.publish('a', new Uint8Array(7))
  rig.turn()
  t.is(receiver.connection.dialect!.messageBytes!.delivered, 2 * bytes + 14)
})

test('nats: of a queue group one member gets each message', t => {
  const rig = new PipelineRig()
  const members = [rig.nats(), rig.nats(), rig.nats()]
  for (const member of members) member.raw('SUB work pool.of-three 1\r\n')
  rig.nats().raw('PUB work 1\r\nx\r\n'.repeat(9))
  t.deepEqual(members.map(member => member.text()), members.map(() => 'MSG work 1 1\r\nx\r\n'.repeat(3)))
})

test('nats: UNSUB with a number ends the subscription when it has had so many, in the middle of a run as well', t => {
  const rig = new PipelineRig()
  const client = rig.nats()
  client.raw('SUB a 1\r\nUNSUB 1 3\r\nPUB a 1\r\nx\r\n' + 'PUB a 1\r\ny\r\n'.repeat(5))
  t.is(client.text(), 'MSG a 1 1\r\nx\r\nMSG a 1 1\r\ny\r\nMSG a 1 1\r\ny\r\n')
  t.is(rig.core.interest.size, 0)
  t.true(rig.core.accounts.totals().balanced)
})

test('nats: a request that nobody answers is told so at once', t => {
  const rig = new PipelineRig()
  const client = rig.nats()
  client.raw('SUB _INBOX.x.* 4\r\nPUB nobody.here _INBOX.x.1 2\r\nhi\r\n')
  t.is(client.text(), 'HMSG _INBOX.x.1 4 16 16\r\nNATS/1.0 503\r\n\r\n\r\n')
})

test('nats: before CONNECT nothing else is taken', t => {
  for (const line of ['PUB a 1\r\nx\r\n', 'SUB a 1\r\n', 'UNSUB 1\r\n', 'PING\r\n', 'HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n']) {
    const rig = new PipelineRig()
    const client = rig.natsLink()
    client.raw(line)
    t.is(client.text(), "-ERR 'Authorization Violation'\r\n", line)
    t.true(client.link.isClosed)
  }
})

const word = fc.constantFrom('a', 'b', 'a.b', 'some.longer.subject')
const operation = fc.oneof(
  fc.record({ verb: fc.constantFrom('PUB', 'pub', 'PUB '), subject: word, reply: fc.option(word, { nil: undefined }), payload: fc.string({ maxLength: 300 }) }),
  fc.constant('PING'),
)

test('nats: however a session is cut into chunks, the same comes of it', t => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 }), (operations, cuts) => {
      const bytes = Buffer.concat(
        operations.map(each => {
          if (each === 'PING') return Buffer.from('PING\r\n')
          const { verb, subject, reply, payload } = each
          const body = Buffer.from(payload)
          return Buffer.concat([Buffer.from(`${verb} ${subject} ${reply === undefined ? '' : `${reply} `}${body.length}\r\n`), body, Buffer.from('\r\n')])
        }),
      )
      const outcome = (chunks: Buffer[]): string[] => {
        const rig = new PipelineRig()
        const [publisher, receiver] = [rig.nats(), rig.nats()]
        receiver.raw('SUB > 1\r\n')
        for (const chunk of chunks) publisher.raw(chunk)
        const { accepted, balanced } = rig.core.accounts.totals()
        return [publisher.text(), receiver.text(), String(accepted), String(balanced)]
      }
      const chunks: Buffer[] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const size = cuts[i % cuts.length]!
        chunks.push(bytes.subarray(at, at + size))
        at += size
      }
      t.deepEqual(outcome(chunks), outcome([bytes]))
    }),
    { numRuns: 60 },
  )
})
