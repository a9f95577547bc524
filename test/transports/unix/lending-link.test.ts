import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { encodeLent } from '../../../broker/wire/lent.ts'
import { HostMemory } from '../../../transports/unix/host-memory.ts'
import { LendingLink } from '../../../transports/unix/lending-link.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

/** A link to a client that reads nothing, and where that one may put segments. */
async function lent(t: ExecutionContext, aheadBytes: number): Promise<{ memory: HostMemory; link: LendingLink; client: Socket; closed: Promise<void>; segment: (number: number, bytes: number) => void }> {
  const root = temporaryDirectory(t)
  const memory = new HostMemory({ broker: 'a1b2c3d4', thresholdBytes: 1000, limitBytes: 1_000_000, maxTakenBytes: 100_000, aheadBytes, lentFrame: encodeLent, log: recordedLog(), root })
  const server = createServer()
  const path = join(temporaryDirectory(t), 'socket')
  server.listen(path)
  const client = connect(path)
  const [socket] = (await once(server, 'connection')) as [Socket]
  const link = new LendingLink(socket, { address: 'unix', pid: undefined, uid: undefined }, memory)
  t.teardown(() => {
    for (const end of [socket, client]) end.destroy()
    server.close()
    link.memory.close()
    memory.close()
  })
  const closed = Promise.withResolvers<void>()
  link.attach({ received() {}, written() {}, ended() {}, closed: () => closed.resolve() })
  const { own } = link.memory.offer()!
  link.memory.begin()
  return { memory, link, client, closed: closed.promise, segment: (number, bytes) => writeFileSync(join(own, `s${number}`), new Uint8Array(bytes)) }
}

test('lending link: of what its client lends no more is read at a time than was offered, but for a single frame', async t => {
  const { link, segment } = await lent(t, 50_000)
  segment(1, 20_000)
  segment(2, 100_000)
  t.is(link.memory.take(1, 20_000).length, 20_000)
  t.is(link.memory.take(1, 20_000).length, 20_000)
  const error = t.throws(() => link.memory.take(1, 20_000), { instanceOf: BrokerError })
  t.is(error.code, 'memory.unreadable')
  t.regex(error.message, /60000 bytes are on loan.*50000/)
  // What it has taken it has said with this.
  link.write([Buffer.from('returned')])
  t.is(link.memory.take(2, 100_000).length, 100_000)
  t.throws(() => link.memory.take(1, 1), { instanceOf: BrokerError })
})

test('lending link: a client that was cut off can still read what was written to it, one that went has nothing kept', async t => {
  for (const isCutOff of [true, false]) {
    const { memory, link, client, closed } = await lent(t, 50_000)
    link.write(memory.wrap([new Uint8Array(10_000)]))
    await Promise.resolve()
    t.is(memory.loans, 1)
    const segments = (): string[] => readdirSync(memory.directory!).filter(name => name.startsWith('s'))
    if (isCutOff) link.destroy()
    else {
      link.resume()
      client.destroy()
    }
    await closed
    t.deepEqual([memory.loans, segments().length], isCutOff ? [1, 1] : [0, 0])
  }
})

test('lending link: a client that knows a directory which somebody removed gets the bytes themselves', async t => {
  const { memory, link, client } = await lent(t, 50_000)
  rmSync(memory.directory!, { recursive: true })
  t.truthy(memory.makeClientDirectory())
  const written = memory.wrap([new Uint8Array(10_000)])
  t.is(link.memory.held(written)[0]!.length, 10_000)
  client.destroy()
})
