import { writeFileSync } from 'node:fs'
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
async function lent(t: ExecutionContext, aheadBytes: number): Promise<{ link: LendingLink; segment: (number: number, bytes: number) => void }> {
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
  const { own } = link.memory.offer()!
  return { link, segment: (number, bytes) => writeFileSync(join(own, `s${number}`), new Uint8Array(bytes)) }
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
