import test from 'ava'
import fc from 'fast-check'
import { decodeFrame, encodeFrame, type Frame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { Ledger } from '../../client/ledger.ts'

function frame(kind: number, ref = 0): Frame {
  const bytes = encodeFrame({ kind, ref })
  return decodeFrame(bytes, 0, bytes.length)
}

test('ledger: a receipt of several messages says that all of them were taken', t => {
  const ledger = new Ledger()
  for (let n = 0; n < 5; n++) send(ledger)
  ledger.got({ ...frame(Kind.receipt, 2), to: 2 }, 60)
  t.deepEqual(ids(ledger.resume(0)), [5])
})

function ids(frames: readonly Uint8Array[]): number[] {
  return frames.map(bytes => decodeFrame(bytes, 0, bytes.length).id)
}

/** Sends a frame with the next id. */
function send(ledger: Ledger, kind: number = Kind.publish, payloadBytes = 0): string {
  const id = ledger.lastId + 1
  return ledger.sent(id, kind, encodeFrame({ kind, id, payload: new Uint8Array(payloadBytes) }))
}

test('ledger: a resume sends again what the broker has not taken, whatever answers came before', t => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant('send'), fc.constant('ping'), fc.nat(40)), { maxLength: 200 }), fc.nat(200), (steps, taken) => {
      const ledger = new Ledger()
      const sent: number[] = []
      let confirmed = 0
      for (const step of steps) {
        if (typeof step === 'number') {
          // No broker confirms what it did not get.
          const ref = Math.min(step, ledger.lastId)
          confirmed = Math.max(confirmed, ref)
          ledger.got(frame(Kind.ok, ref), 60)
        } else {
          send(ledger, step === 'send' ? Kind.publish : Kind.ping)
          if (step === 'send') sent.push(ledger.lastId)
        }
      }
      const lastId = Math.max(confirmed, Math.min(taken, ledger.lastId))
      t.deepEqual(ids(ledger.resume(lastId)), sent.filter(id => id > lastId))
      // Nothing is confirmed by being sent again: the next connection may break as well.
      t.deepEqual(ids(ledger.resume(lastId)), sent.filter(id => id > lastId))
    }),
  )
})

test('ledger: only answers to own frames confirm', t => {
  for (const kind of [Kind.publish, Kind.request, Kind.grouped, Kind.cancel, Kind.gap]) {
    const ledger = new Ledger()
    send(ledger)
    ledger.got(frame(kind, 1), 60)
    t.is(ledger.resume(0).length, 1, String(kind))
  }
  for (const kind of [Kind.response, Kind.part, Kind.error, Kind.ok, Kind.pong, Kind.receipt, Kind.end]) {
    const ledger = new Ledger()
    send(ledger)
    ledger.got(frame(kind, 1), 60)
    t.is(ledger.resume(0).length, 0, String(kind))
  }
})

test('ledger: what is kept stays small where answers come, and asks for one where none does', t => {
  const ledger = new Ledger()
  let asked = 0
  let most = 0
  for (let i = 0; i < 20_000; i++) {
    if (send(ledger, Kind.publish, 1000) === 'ask') {
      asked++
      ledger.got(frame(Kind.pong, ledger.lastId), 60)
    }
    most = Math.max(most, ledger.keptBytes)
  }
  t.true(asked > 70 && asked < 100, `${asked} pings for 20 MB`)
  t.true(most <= 257 * 1024, `${most} bytes were kept`)
})

test('ledger: whoever awaits waits above 4 MiB, until answers come or the connection is gone', async t => {
  const ledger = new Ledger()
  for (let i = 0; i < 4; i++) send(ledger, Kind.publish, 1024 * 1024)
  t.not(ledger.ready, undefined)
  const confirmed = ledger.ready
  ledger.got(frame(Kind.pong, 3), 60)
  await confirmed
  t.is(ledger.ready, undefined)
  for (let i = 0; i < 4; i++) send(ledger, Kind.publish, 1024 * 1024)
  const gone = ledger.ready
  ledger.release()
  await gone
  t.is(ledger.resume(3).length, 5)
})

test('ledger: received frames are to be confirmed after 256, or 64 KiB', t => {
  const ledger = new Ledger()
  for (let i = 1; i < 256; i++) t.is(ledger.got(frame(Kind.publish), 100), 'nothing')
  t.is(ledger.got(frame(Kind.publish), 100), 'ack')
  ledger.acked()
  t.false(ledger.hasUnacked)
  t.is(ledger.got(frame(Kind.publish), 65_000), 'nothing')
  t.is(ledger.got(frame(Kind.response), 1000), 'ack')
  t.is(ledger.received, 258)
})

test('ledger: every frame counts, whatever its kind', t => {
  const ledger = new Ledger()
  const kinds = [Kind.publish, Kind.ok, Kind.ping, Kind.pong, Kind.receipt, Kind.gap, Kind.credit, Kind.end, Kind.cancel]
  for (const kind of kinds) ledger.got(frame(kind), 60)
  t.is(ledger.received, kinds.length)
})
