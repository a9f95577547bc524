import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { reservedPort } from './reserved-port.ts'
import { TcpProxy } from './tcp-proxy.ts'
import { until } from './until.ts'

/** One end of a connection: all that it was told. */
class End {
  readonly socket: Socket
  text = ''
  /** How it ended. */
  readonly ended: Promise<string>

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay()
    socket.on('data', chunk => (this.text += String(chunk)))
    this.ended = new Promise(resolve => {
      socket.on('error', error => resolve((error as NodeJS.ErrnoException).code!))
      socket.on('end', () => resolve('end'))
    })
  }
}

interface Pair {
  readonly proxy: TcpProxy
  readonly near: End
  readonly far: End
  /** Another connection over the same proxy. */
  readonly join: () => Promise<{ readonly near: End; readonly far: End }>
}

async function pair(t: ExecutionContext): Promise<Pair> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const proxy = await TcpProxy.start(t, (server.address() as AddressInfo).port)
  const join = async (): Promise<{ near: End; far: End }> => {
    const accepted = once(server, 'connection')
    const near = connect(proxy.port, '127.0.0.1')
    t.teardown(() => near.destroy())
    const [far] = (await accepted) as [Socket]
    t.teardown(() => far.destroy())
    return { near: new End(near), far: new End(far) }
  }
  return { proxy, ...(await join()), join }
}

test('proxy: all bytes pass both ways in order, whatever the weather, and the end after them', async t => {
  const changes = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 20_000 }), delayMs: fc.integer({ min: 0, max: 8 }), jitterMs: fc.integer({ min: 0, max: 8 }), rate: fc.constantFrom(Infinity, 2_000_000), isStalled: fc.boolean() }), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(changes, async steps => {
      const { proxy, near, far } = await pair(t)
      let sent = ''
      for (const { bytes, delayMs, jitterMs, rate, isStalled } of steps) {
        proxy.delay(delayMs, jitterMs)
        proxy.limit(rate)
        if (isStalled) proxy.stall()
        else proxy.flow()
        const text = String.fromCharCode(97 + (sent.length % 26)).repeat(bytes)
        sent += text
        near.socket.write(text)
        far.socket.write(text)
      }
      proxy.flow()
      near.socket.end()
      t.is(await far.ended, 'end')
      t.is(await near.ended, 'end')
      t.true(far.text === sent && near.text === sent)
      await until(() => proxy.connections === 0)
    }),
    { numRuns: 25 },
  )
})

test('proxy: a delay holds each byte for its time, and one way alone when told so', async t => {
  const { proxy, near, far } = await pair(t)
  proxy.delay(80, 40, 'up')
  const began = performance.now()
  near.socket.write('a')
  await until(() => far.text === 'a')
  // A timer may fire up to a millisecond early.
  t.true(performance.now() - began >= 79)
  proxy.delay(100_000, 0, 'up')
  near.socket.write('late')
  far.socket.write('b')
  await until(() => near.text === 'b' && proxy.waiting('up') === 4)
  t.is(far.text, 'a')
})

test('proxy: a limited rate is not exceeded', async t => {
  const { proxy, near, far } = await pair(t)
  proxy.limit(400_000)
  const began = performance.now()
  near.socket.write('x'.repeat(100_000))
  await until(() => far.text.length === 100_000)
  // 250 ms for all of it, less the last piece and what may come at once.
  t.true(performance.now() - began >= 220)
})

test('proxy: a stall of one way stops that way alone, with the connection open, and ends with nothing lost', async t => {
  const { proxy, near, far, join } = await pair(t)
  proxy.stall('up')
  near.socket.write('waits')
  far.socket.write('passes')
  await until(() => proxy.waiting('up') === 5 && near.text === 'passes')
  t.is(far.text, '')
  const later = await join()
  later.near.socket.write('waits too')
  await until(() => proxy.waiting('up') === 14)
  proxy.stall()
  far.socket.write('waits')
  await until(() => proxy.waiting('down') === 5)
  t.is(near.text, 'passes')
  proxy.flow()
  await until(() => far.text === 'waits' && later.far.text === 'waits too' && near.text === 'passeswaits')
})

test('proxy: a stalled way takes only so much before the sender has to wait', async t => {
  const { proxy, near, far } = await pair(t)
  proxy.stall('up')
  const chunk = Buffer.alloc(1024 * 1024)
  let written = 0
  // Much more than the proxy and the kernel between hold.
  while (near.socket.writableLength < 32 * chunk.length) {
    near.socket.write(chunk)
    written += chunk.length
  }
  await until(() => proxy.waiting('up') > 4 * chunk.length)
  t.true(proxy.waiting('up') <= 6 * chunk.length)
  proxy.flow()
  await until(() => far.text.length === written)
})

test('proxy: a cut tells both ends, by a reset or by an end, and what was on its way is lost', async t => {
  const { proxy, near, far, join } = await pair(t)
  proxy.delay(100_000)
  near.socket.write('lost')
  await until(() => proxy.waiting('up') === 4)
  proxy.cut()
  t.deepEqual([await near.ended, await far.ended], ['ECONNRESET', 'ECONNRESET'])
  t.is(far.text, '')
  proxy.delay(0)
  const second = await join()
  second.near.socket.write('a')
  await until(() => second.far.text === 'a')
  proxy.cut('end')
  t.deepEqual([await second.near.ended, await second.far.ended], ['end', 'end'])
  await until(() => proxy.connections === 0)
})

test('proxy: when the server end is lost, whoever connected hears nothing and may go on sending', async t => {
  const { proxy, near, far, join } = await pair(t)
  proxy.lose()
  t.is(await far.ended, 'ECONNRESET')
  t.is(proxy.connections, 0)
  await new Promise(resolve => near.socket.write('x'.repeat(2_000_000), resolve))
  const second = await join()
  second.near.socket.write('a')
  await until(() => second.far.text === 'a')
  t.true(near.socket.writable && near.socket.readable)
})

test('proxy: while it refuses nobody gets through, then again', async t => {
  const { proxy, near, far, join } = await pair(t)
  proxy.refuse()
  t.deepEqual([await near.ended, await far.ended], ['ECONNRESET', 'ECONNRESET'])
  const refused = connect(proxy.port, '127.0.0.1')
  t.is(await new End(refused).ended, 'ECONNRESET')
  proxy.accept()
  const second = await join()
  second.far.socket.write('a')
  await until(() => second.near.text === 'a')
})

test('proxy: where nobody listens the connection is reset', async t => {
  const proxy = await TcpProxy.start(t, await reservedPort(t))
  t.is(await new End(connect(proxy.port, '127.0.0.1')).ended, 'ECONNRESET')
})
