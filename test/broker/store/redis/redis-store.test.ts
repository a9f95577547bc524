import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import type { QueueCounts } from '../../../../broker/ground/store.ts'
import { errorCode } from '../../../support/error-code.ts'
import { imbalance, QueueRig, queueSettings } from '../../../support/queue-rig.ts'
import { durable, redisStory, redisTest, startRedisServer } from '../../../support/redis-server.ts'
import { redisWorld } from '../../../support/redis-store-world.ts'
import { recordedLog } from '../../../support/recorded-log.ts'
import { reservedPort } from '../../../support/reserved-port.ts'
import { StoreStorm } from '../../../support/store-storm.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'
import { until } from '../../../support/until.ts'
import { withMoreTime } from '../../../support/with-more-time.ts'

const silent = { leased: () => {}, happened: () => {}, stateChanged: () => {} }

test('redis store: a server that is not there is refused by name, with the address that was tried', async t => {
  const port = await reservedPort(t)
  const error = await t.throwsAsync(redisWorld(`redis://127.0.0.1:${port}`, 'q').open('b1'))
  t.regex(error.message, new RegExp(`store\\.unavailable.*redis://127\\.0\\.0\\.1:${port}.*ECONNREFUSED`))
})

redisStory('redis store: what a server does not keep as a queue asks is refused, with the command that mends it', async t => {
  const server = await startRedisServer(t, { appendonly: 'no' })
  const cases = [
    { config: { appendonly: 'no' }, gives: 'memory', refused: ['os', 'fsync'], says: /gives only memory.*CONFIG SET appendonly yes/ },
    { config: { appendonly: 'yes', appendfsync: 'everysec' }, gives: 'os', refused: ['fsync'], says: /gives only os: appendfsync is everysec; CONFIG SET appendfsync always/ },
    { config: { appendonly: 'yes', appendfsync: 'always' }, gives: 'fsync', refused: [], says: /./ },
    { config: { 'maxmemory-policy': 'allkeys-lru' }, gives: 'memory', refused: ['memory', 'os', 'fsync'], says: /allkeys-lru.*CONFIG SET maxmemory-policy noeviction/ },
  ] as const
  for (const { config, gives, refused, says } of cases) {
    await server.kill()
    server.configure(config)
    await server.start()
    const store = await redisWorld(server.url, 'q').open('b1')
    t.is(store.features.durability, gives)
    for (const durability of ['memory', 'os', 'fsync'] as const) {
      if ((refused as readonly string[]).includes(durability)) {
        const error = await t.throwsAsync(store.open('q', queueSettings({ durability }), silent))
        t.regex(error.message, says)
        t.regex(error.message, /^store\.durability/)
      } else await (await store.open('q', queueSettings({ durability }), silent)).close()
    }
    await store.close()
  }
})

redisStory('redis store: a single message that asks for more than the server gives is refused, and without strictDurability there is a warning', async t => {
  const { url } = await startRedisServer(t, { appendonly: 'yes', appendfsync: 'everysec' })
  const rig = await QueueRig.open(t, redisWorld(url, 'q'))
  t.deepEqual(await rig.append('m', { durability: 'fsync' }), [{ refused: 'store.durability' }])
  t.is(await errorCode(rig.queue.change(queueSettings({ durability: 'fsync' }))), 'store.durability')
  t.is(await errorCode(rig.store.open('q', queueSettings(), silent)), 'store.in_use')
  const log = recordedLog()
  const lenient = await QueueRig.open(t, redisWorld(url, 'lenient', { strictDurability: false, log }), { durability: 'fsync' })
  await lenient.stored('m')
  t.like(await log.logged(/store\.durability/), { level: 'warn', fields: { queue: 'lenient' } })
})

redisStory('redis store: where CONFIG is forbidden INFO is believed as far as it goes', async t => {
  const { url } = await startRedisServer(t, { ...durable, user: 'default on nopass ~* &* +@all -config' })
  const store = await redisWorld(url, 'q').open('b1')
  t.is(store.features.durability, 'os')
  const error = await t.throwsAsync(store.open('q', queueSettings({ durability: 'fsync' }), silent))
  t.regex(error.message, /CONFIG GET.*strictDurability/)
  await (await store.open('q', queueSettings({ durability: 'os' }), silent)).close()
  await store.close()
})

redisStory('redis store: it shows its password, which nobody is told; names may be any text', async t => {
  const { url } = await startRedisServer(t, { ...durable, requirepass: 'open-sesame' })
  const directory = temporaryDirectory(t)
  const [right, wrong] = [join(directory, 'right'), join(directory, 'wrong')]
  writeFileSync(right, 'open-sesame\n')
  writeFileSync(wrong, 'open-barley\n')
  const log = recordedLog()
  for (const passwordFile of [undefined, wrong, join(directory, 'none')]) {
    const error = await t.throwsAsync(redisWorld(url, 'q', { passwordFile, log }).open('b1'))
    t.regex(error.message, passwordFile?.endsWith('none') === true ? /config\.invalid.*passwordFile/ : /^store\.failed.*(?:NOAUTH|WRONGPASS)/)
    t.notRegex(JSON.stringify([error.message, error, String(error.stack)]), /barley|sesame/)
  }
  const name = 'büro.aufträge > {1}*\n'
  const rig = await QueueRig.open(t, redisWorld(url, name, { passwordFile: right, log, prefix: 'other' }))
  await rig.stored('m', { messageId: '\ud800', session: '\u0000"\udc00' })
  t.deepEqual(await rig.store.names(), [name])
  t.is((await rig.take())[0]!.text, 'm')
  t.notRegex(JSON.stringify(log.records), /barley|sesame/)
})

redisStory('redis store: a server that is killed and comes back has lost nothing that was acknowledged, and what was settled stays so', async t => {
  const server = await startRedisServer(t)
  const rig = await QueueRig.open(t, redisWorld(server.url, 'q'), { durability: 'fsync', ackWaitMs: 300, retry: { maxAttempts: 0 }, maxAckPending: 1000 })
  const storm = new StoreStorm(rig)
  for (let round = 0; round < 3; round++) {
    await storm.acknowledges(200)
    await server.kill()
    await rig.when(() => rig.problems.at(-1) !== undefined)
    t.is(rig.problems.at(-1)?.code, 'store.unavailable')
    t.deepEqual(await rig.append('away'), [{ refused: 'store.unavailable' }])
    await server.start()
    await rig.when(() => rig.problems.at(-1) === undefined)
    await storm.acknowledges(200)
  }
  await storm.ends()
  storm.complete(t)
  t.deepEqual(storm.back, [])
  t.deepEqual([...new Set(storm.refused.values())], ['store.unavailable'])
  t.is(imbalance(await rig.counts()), 0)
  t.log(`${storm.accepted.size} accepted, ${storm.refused.size} refused, ${[...storm.seen.values()].filter(times => times > 1).length} seen again`)
})

redisStory('redis store: a server that stands still is given up; what nobody knows of is said so, and published again under its id it is there once', async t => {
  const server = await startRedisServer(t)
  const deduplication = { enabled: true, windowMs: 600_000 }
  await withSilence(t, async silenceMs => {
    const rig = await QueueRig.open(t, redisWorld(server.url, `q${silenceMs}`, { silenceMs }), { deduplication })
    await rig.stored('before', { messageId: 'before' })
    await server.freeze()
    const [unknown] = await rig.append('unknown', { messageId: 'unknown' })
    await rig.when(() => rig.problems.at(-1) !== undefined)
    const away = await rig.append('away')
    server.thaw()
    await rig.when(() => rig.problems.at(-1) === undefined)
    // The first one was read by the server when it went on, or never.
    const [again] = await rig.append('unknown', { messageId: 'unknown' })
    const taken = await rig.take(2)
    const counts = await rig.counts()
    if (rig.problems.length !== 2) return false
    t.deepEqual([unknown, ...away], [{ refused: 'store.unavailable' }, { refused: 'store.unavailable' }])
    t.true('position' in again!)
    t.deepEqual(taken.map(({ text }) => text), ['before', 'unknown'])
    t.like(counts, { ready: 0, inFlight: 2 })
    t.is(imbalance(counts), 0)
    return true
  })
})

redisStory('redis store: leases that were granted and never told are not attempts', async t => {
  const server = await startRedisServer(t)
  await withSilence(t, async silenceMs => {
    const rig = await QueueRig.open(t, redisWorld(server.url, `q${silenceMs}`, { silenceMs }))
    await rig.stored(['told', 'untold'])
    const [told] = await rig.take()
    await server.freeze()
    rig.queue.demand(1)
    await rig.when(() => rig.problems.at(-1) !== undefined)
    server.thaw()
    await rig.when(() => rig.problems.at(-1) === undefined)
    const [untold] = await rig.next()
    const outcome = await rig.settle(...[told!, untold!].map(({ position, attempt }) => ({ position, attempt, verdict: 'ack' as const })))
    if (rig.problems.length !== 2) return false
    t.like(untold, { text: 'untold', attempt: 1 })
    t.deepEqual(outcome, { lost: [] })
    return true
  })
})

/**
 * A story in which a server that stands still is given up. On a busy machine one that is only slow may be given up as well, and says so by its
 * problems: then it is told again with a longer silence.
 */
async function withSilence(t: ExecutionContext, tell: (silenceMs: number) => Promise<boolean>): Promise<void> {
  let problem: unknown
  const isTold = await withMoreTime(200, silenceMs => tell(silenceMs).catch((error: unknown) => {
    problem = error
    return false
  }))
  t.true(isTold, `it was given up where it was only slow, and last ${String(problem)}`)
}

redisStory('redis store: what a broker had that has vanished is another one\'s after the ack wait, in order, and its own at once when it is back', async t => {
  const server = await startRedisServer(t)
  const settings = { ordering: { enabled: true, guarantee: 'per_session', timeoutMs: 60_000 }, ackWaitMs: 500, retry: { maxAttempts: 0 } } as const
  const gone = await QueueRig.open(t, redisWorld(server.url, 'q'), settings)
  await gone.stored(['a1', 'a2', 'a3'], { session: 'a' })
  await gone.take()
  // One that says nothing any more and renews nothing.
  // Which has time to acknowledge what it gets.
  const rig = await QueueRig.open(t, redisWorld(server.url, 'q'), { ...settings, ackWaitMs: 600_000 }, 'b2')
  rig.queue.demand(3)
  for (const [text, attempt] of [['a1', 2], ['a2', 1], ['a3', 1]] as const) {
    const [message] = await rig.next()
    t.like(message, { text, attempt })
    await rig.does('ack', [message!])
  }
  await rig.counted({ ready: 0, held: 0, inFlight: 0, acked: 3 })

  const slow = { ...settings, ackWaitMs: 3_600_000 }
  const world = redisWorld(server.url, 'own')
  const killed = await QueueRig.open(t, world, slow, 'b3')
  await killed.stored('mine')
  await killed.take()
  const back = await QueueRig.open(t, world, slow, 'b3')
  t.like((await back.take())[0], { text: 'mine', attempt: 2 })
})

redisStory('redis store: brokers that share a queue keep the order of sessions together, and pause it for all', async t => {
  const server = await startRedisServer(t)
  const settings = { ordering: { enabled: true, guarantee: 'per_session', timeoutMs: 60_000 } } as const
  const rigs = await Promise.all(['b1', 'b2'].map(broker => QueueRig.open(t, redisWorld(server.url, 'q'), settings, broker)))
  const [first, second] = rigs as [QueueRig, QueueRig]
  const sessions = ['a', 'b', 'c']
  const seen = new Map<string, number[]>(sessions.map(session => [session, []]))
  await Promise.all(sessions.map(async session => first.stored(Array.from({ length: 40 }, (_, i) => `${session}${i}`), { session })))
  const onLease = new Set<string>()
  const over = Promise.withResolvers<void>()
  await Promise.all(rigs.map(async rig => {
    for (;;) {
      rig.queue.demand(2)
      await Promise.race([rig.when(() => rig.unexpected > 0), over.promise])
      const messages = await rig.next(rig.unexpected)
      if (messages.length === 0) return
      for (const { text } of messages) {
        t.false(onLease.has(text[0]!), `${text} while another one of its session is on lease`)
        onLease.add(text[0]!)
        seen.get(text[0]!)!.push(Number(text.slice(1)))
      }
      for (const { text } of messages) onLease.delete(text[0]!)
      await rig.does('ack', messages)
      if ([...seen.values()].flat().length === 120) over.resolve()
    }
  }))
  for (const numbers of seen.values()) t.deepEqual(numbers, Array.from({ length: 40 }, (_, i) => i))
  await first.queue.pause(true)
  await until(() => second.queue.isPaused)
  await second.stored('paused')
  await second.counted({ ready: 1, inFlight: 0 } satisfies Partial<QueueCounts>)
  await second.queue.pause(false)
  await until(() => !first.queue.isPaused)
  await Promise.race(rigs.map(rig => rig.when(() => rig.leases.some(({ text }) => text === 'paused'))))
})

redisTest('redis store: a server that comes back weaker than a queue asks is not used, until it is mended', async t => {
  const server = await startRedisServer(t)
  const rig = await QueueRig.open(t, redisWorld(server.url, 'q'), { durability: 'fsync' })
  await rig.stored('m')
  await server.kill()
  server.configure({ appendfsync: 'no' })
  await server.start()
  await rig.when(() => rig.problems.at(-1)?.code === 'store.durability')
  t.deepEqual(await rig.append('weak'), [{ refused: 'store.durability' }])
  await t.throwsAsync(rig.store.open('other', rig.settings, silent), { code: 'store.durability' })
  // As the refusal says.
  t.is(await server.answer('CONFIG SET appendfsync always'), '+OK')
  await rig.when(() => rig.problems.at(-1) === undefined)
  await (await rig.store.open('other', rig.settings, silent)).close()
  await rig.stored('strong')
  t.deepEqual((await rig.take(2)).map(({ text }) => text), ['m', 'strong'])
})

redisTest('redis store: a server whose memory is full refuses by name, and takes messages again when there is room', async t => {
  const server = await startRedisServer(t, { ...durable, maxmemory: '6mb' })
  const rig = await QueueRig.open(t, redisWorld(server.url, 'q'))
  let taken = 0
  for (;;) {
    const [fate] = await rig.append(`m${taken}`, { padding: 256 * 1024 })
    if ('refused' in fate!) {
      t.is(fate.refused, 'store.no_space')
      break
    }
    taken++
  }
  t.true(taken > 2)
  // Whoever consumes makes room.
  await rig.does('ack', await rig.take(taken - 1))
  await rig.stored('fits')
  t.is(await rig.queue.purge('waiting', 'all'), 2)
  await rig.counted({ ready: 0, inFlight: 0, acked: taken - 1, purged: 2 })
})

redisTest('redis store: what is given back after its time is over expires, though nobody asks for it', async t => {
  const server = await startRedisServer(t)
  for (const by of ['ttl', 'retention'] as const) {
    // It is handed out before, where the machine is quick enough.
    const isTold = await withMoreTime(250, async ms => {
      const rig = await QueueRig.open(t, redisWorld(server.url, `${by}-${ms}`), { retentionMs: by === 'retention' ? ms : 0 })
      rig.queue.demand(1)
      const [fate] = await rig.append('m', { expiresAtMs: by === 'ttl' ? Date.now() + ms : 0 })
      await rig.when(() => rig.leases.length + rig.events.length > 0)
      if (rig.leases.length === 0) return false
      const [message] = await rig.next()
      await until(async () => (await rig.queue.list({ which: 'waiting', after: 0, limit: 1 }))[0]!.storedAtMs + ms + 50 < Date.now())
      await rig.does('release', [message!])
      t.deepEqual(fate, { position: message!.position, isDuplicate: false })
      t.like(await rig.event('dead-lettered', message!.position), { reason: 'expired' })
      return true
    })
    t.true(isTold, by)
  }
})
