// A pair of FIFOs with nobody behind its links, as it changes programs and processes.

import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { Link, Listener } from '../../../broker/ground/types.ts'
import { openFifoPair } from '../../../transports/fifo/fifo-pair.ts'
import { ListeningSockets } from '../../../transports/listening-sockets.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { until } from '../../support/until.ts'

interface Pair {
  readonly listener: Listener
  readonly sockets: ListeningSockets
  readonly links: Link[]
  /** What all its links got. */
  got: string
}

const HELLO = 'hello\n'
const WELCOME = Buffer.from('welcome\n')

async function pairIn(t: ExecutionContext, directory: string, sockets = new ListeningSockets()): Promise<Pair> {
  const links: Link[] = []
  const onLink = (link: Link): void => {
    links.push(link)
    link.attach({ received: chunk => void (pair.got += Buffer.from(chunk).toString()), written() {}, ended() {}, closed() {} })
    link.write([WELCOME])
    link.resume()
  }
  const listener = await openFifoPair({ name: 'scale', directory, hello: Buffer.from(HELLO), log: recordedLog(), sockets, onLink })
  const pair: Pair = { listener, sockets, links, got: '' }
  t.teardown(async () => {
    await listener.close()
    for (const link of links) link.destroy()
  })
  return pair
}

function open(t: ExecutionContext, directory: string): (text: string) => void {
  const fd = openSync(join(directory, 'scale.in'), constants.O_WRONLY | constants.O_NONBLOCK)
  t.teardown(() => closeSync(fd))
  return text => void writeSync(fd, text)
}

/** A process that another one has started to take over. */
const next = (): ListeningSockets => new ListeningSockets([])

test('FIFO pair: what is written while it stands still is read by the process that takes over, in the same files', async t => {
  const directory = temporaryDirectory(t)
  const first = await pairIn(t, directory)
  const say = open(t, directory)
  say('one\n')
  await until(() => first.got === `${HELLO}one\n`)
  // A line that has begun is read to its end.
  say('tw')
  await until(() => first.got.endsWith('tw'))
  first.sockets.suspend()
  say('o\n')
  await until(() => first.got.endsWith('two\n'))
  say('three\n')
  const second = await pairIn(t, directory, next())
  await until(() => second.got === `${HELLO}three\n`)
  first.sockets.leave()
  await first.listener.close()
  say('four\n')
  await until(() => second.got.endsWith('four\n'))
  t.is(first.got, `${HELLO}one\ntwo\n`)
  t.true(existsSync(join(directory, 'scale.in')))
  await second.listener.close()
  t.false(existsSync(join(directory, 'scale.in')))
})

test('FIFO pair: a process that was to take over and did not costs no line, and leaves a pair', async t => {
  const directory = temporaryDirectory(t)
  const first = await pairIn(t, directory)
  const say = open(t, directory)
  say('one\n')
  await until(() => first.got.endsWith('one\n'))
  first.sockets.suspend()
  say('two\n')
  await first.sockets.resume()
  await until(() => first.got.endsWith('two\n'))
  first.sockets.suspend()
  // It ends in order, and takes away what it takes for its own.
  await (await pairIn(t, directory, next())).listener.close()
  t.false(existsSync(join(directory, 'scale.in')))
  await first.sockets.resume()
  open(t, directory)('three\n')
  await until(() => first.got.endsWith(`${HELLO}three\n`))
  t.is(first.links.length, 2)
})

test('FIFO pair: programs that read nothing leave one write behind, however many they are', async t => {
  const directory = temporaryDirectory(t)
  const pair = await pairIn(t, directory)
  const bytes = 100_000
  let lines = 0
  for (const fill of ['1', '2', '3', '4']) {
    const before = pair.links.length
    // Whoever opens the file in the moment in which another one closed it is taken for the same.
    while (pair.links.length === before) {
      const line = `line ${++lines}\n`
      const fd = openSync(join(directory, 'scale.in'), constants.O_WRONLY | constants.O_NONBLOCK)
      writeSync(fd, line)
      closeSync(fd)
      await until(() => pair.got.endsWith(line))
    }
    t.false(pair.links.at(-1)!.write([Buffer.alloc(bytes, fill)]))
  }
  const output = openSync(join(directory, 'scale.out'), constants.O_RDONLY | constants.O_NONBLOCK)
  t.teardown(() => closeSync(output))
  let read = ''
  await until(() => (read += some(output)).endsWith('4') && read.length >= 2 * bytes)
  t.is(read, '1'.repeat(bytes) + '4'.repeat(bytes))
})

function some(fd: number): string {
  const chunk = Buffer.alloc(65_536)
  try {
    return chunk.toString('utf8', 0, readSync(fd, chunk))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    return ''
  }
}
