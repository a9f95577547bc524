import { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import test from 'ava'
import { Pongs } from '../../../transports/websocket/pongs.ts'
import { PONG, readServerFrame } from '../../support/websocket-frames.ts'

/** A socket whose kernel takes what is written when the test says so. */
class Slow extends Duplex {
  readonly taken: Buffer[] = []
  #isOpen = true
  #done: (() => void) | undefined

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(Buffer.from(chunk))
    if (this.#isOpen) done()
    else this.#done = done
  }

  shut(): void {
    this.#isOpen = false
  }

  async takeAll(): Promise<void> {
    this.#isOpen = true
    this.#done?.()
    await new Promise(resolve => setImmediate(resolve))
  }

  get payloads(): string[] {
    const payloads: string[] = []
    let rest = Buffer.concat(this.taken)
    for (let read = readServerFrame(rest); read !== undefined; read = readServerFrame(rest)) {
      if (read.frame.opcode === PONG) payloads.push(String(read.frame.payload))
      rest = rest.subarray(read.end)
    }
    return payloads
  }
}

test('pongs: a few are each answered, of more the last', t => {
  const socket = new Slow()
  const pongs = new Pongs(socket as unknown as Socket)
  for (let i = 0; i < 3; i++) pongs.add(Buffer.from(`a${i}`))
  pongs.flush()
  t.deepEqual(socket.payloads, ['a0', 'a1', 'a2'])
  for (let i = 0; i < 1000; i++) pongs.add(Buffer.from(`b${i}`))
  pongs.flush()
  t.is(socket.payloads.length, 3 + 32)
  t.is(socket.payloads.at(-1), 'b999')
})

test('pongs: while something is in flight one waits, the latest, though its chunk was given back', async t => {
  const socket = new Slow()
  const pongs = new Pongs(socket as unknown as Socket)
  socket.shut()
  socket.write(Buffer.from([0x82, 1, 0x61]))
  for (let i = 0; i < 100; i++) {
    const chunk = new Uint8Array(Buffer.from(`ping ${i}`))
    pongs.add(chunk)
    pongs.flush()
    chunk.buffer.transfer(0)
  }
  t.deepEqual(socket.payloads, [])
  await socket.takeAll()
  t.deepEqual(socket.payloads, ['ping 99'])
})

test('pongs: after the end nothing follows', async t => {
  const socket = new Slow()
  const pongs = new Pongs(socket as unknown as Socket)
  socket.shut()
  socket.write(Buffer.from([0x82, 1, 0x61]))
  pongs.add(Buffer.from('waits'))
  pongs.flush()
  pongs.end()
  await socket.takeAll()
  t.deepEqual(socket.payloads, [])
})
