import type { LookupAddress } from 'node:dns'
import type { LookupFunction } from 'node:net'
import test from 'ava'
import { hostLookup, type Resolve } from '../../../broker/ground/host-lookup.ts'
import { defaultSettings } from '../../../broker/ground/settings.ts'
import { systemClock } from '../../../broker/ground/clock.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { openTelemetry } from '../../../telemetry/telemetry.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { OtlpReceiver } from '../../support/otlp-receiver.ts'
import { until } from '../../support/until.ts'

/** A system whose answers are given when the test says so. */
class Names {
  readonly asked: string[] = []
  readonly #answers: ((error: NodeJS.ErrnoException | null) => void)[] = []
  readonly resolve: Resolve = (host, _options, answer) => {
    this.asked.push(host)
    const number = this.asked.length
    this.#answers.push(error => answer(error, error === null ? [{ address: `10.0.0.${number}`, family: 4 }] : ([] as LookupAddress[])))
  }

  answer(error: NodeJS.ErrnoException | null = null): void {
    this.#answers.shift()!(error)
  }
}

function ask(lookup: LookupFunction, host: string, options: { all?: boolean } = {}): Promise<unknown> {
  return new Promise((resolve, reject) => lookup(host, options, (error, address) => (error === null ? resolve(address) : reject(error))))
}

const { dns } = defaultSettings.network

test('host lookup: network.dns.cache remembers an answer for network.dns.cacheTtl, and questions at the same time are one', async t => {
  const [clock, names] = [new FakeClock(), new Names()]
  const lookup = hostLookup({ ...dns, cacheTtlMs: 60_000 }, clock, names.resolve)
  const [first, second] = [ask(lookup, 'a.example'), ask(lookup, 'a.example')]
  names.answer()
  t.deepEqual(await Promise.all([first, second]), ['10.0.0.1', '10.0.0.1'])
  await clock.advance(59_999)
  t.deepEqual(await ask(lookup, 'a.example', { all: true }), [{ address: '10.0.0.1', family: 4 }])
  t.is(names.asked.length, 1)
  await clock.advance(1)
  const later = ask(lookup, 'a.example')
  names.answer()
  t.is(await later, '10.0.0.2')

  const plain = hostLookup({ ...dns, cache: false }, clock, names.resolve)
  for (let i = 0; i < 2; i++) {
    const asked = ask(plain, 'a.example')
    names.answer()
    await asked
  }
  t.is(names.asked.length, 4)
})

test('host lookup: network.dns.prefetch looks up ahead what is still asked for, and nobody waits', async t => {
  for (const prefetch of [true, false]) {
    const [clock, names] = [new FakeClock(), new Names()]
    const lookup = hostLookup({ cache: true, cacheTtlMs: 60_000, prefetch }, clock, names.resolve)
    const first = ask(lookup, 'a.example')
    names.answer()
    await first
    await clock.advance(44_999)
    await ask(lookup, 'a.example')
    t.is(names.asked.length, 1)
    await clock.advance(1)
    t.is(await ask(lookup, 'a.example'), '10.0.0.1')
    t.is(names.asked.length, prefetch ? 2 : 1)
    if (!prefetch) continue
    // The old answer serves until the new one is here, and beyond when there is none.
    names.answer(Object.assign(new Error('no network'), { code: 'EAI_AGAIN' }))
    t.is(await ask(lookup, 'a.example'), '10.0.0.1')
    names.answer()
    await clock.advance(30_000)
    t.is(await ask(lookup, 'a.example'), '10.0.0.3')
  }
})

test('host lookup: a failure is told to all who wait, and not remembered', async t => {
  const [clock, names] = [new FakeClock(), new Names()]
  const lookup = hostLookup(dns, clock, names.resolve)
  const waiting = [ask(lookup, 'a.example'), ask(lookup, 'a.example')]
  names.answer(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }))
  for (const asked of waiting) await t.throwsAsync(asked, { code: 'ENOTFOUND' })
  const again = ask(lookup, 'a.example')
  names.answer()
  t.is(await again, '10.0.0.2')
})

test('host lookup: what telemetry sends goes where it says', async t => {
  const receiver = await OtlpReceiver.start(t)
  const asked: string[] = []
  const lookup: LookupFunction = (host, options, callback) => {
    asked.push(host)
    if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
    else callback(null, '127.0.0.1', 4)
  }
  const endpoint = `http://collector.example:${new URL(receiver.endpoint).port}`
  const telemetry = await openTelemetry({ settings: { ...defaultSettings.telemetry, endpoint }, version: '0', clock: systemClock, log: recordedLog(), lookup })
  telemetry!.line!(JSON.stringify({ level: 30, time: 1, msg: 'sent by name' }))
  await telemetry!.close()
  // It is not waited for longer than 3 s when telemetry is closed, and is on its way then.
  await until(() => receiver.logs.some(({ body }) => body === 'sent by name'))
  t.true(asked.length > 0 && asked.every(host => host === 'collector.example'))
})
