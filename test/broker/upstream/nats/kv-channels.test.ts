import test from 'ava'
import fc from 'fast-check'
import type { ChannelMode } from '../../../../broker/ground/types.ts'
import { nextStep, type SharedChannel } from '../../../../broker/upstream/nats/channel-agreement.ts'
import { channelOfKey, encodeChannel, keyOfChannel, readChannel } from '../../../../broker/upstream/nats/channel-entry.ts'
import { channelSpec, SharingBroker } from '../../../support/channel-rig.ts'
import { errorCode } from '../../../support/error-code.ts'
import { connectNats } from '../../../support/nats-client.ts'
import { natsTest, startNatsServer } from '../../../support/nats-server.ts'
import type { Teardown } from '../../../support/temporary-directory.ts'
import { until } from '../../../support/until.ts'

const same = (...brokers: SharingBroker[]) => (): boolean => brokers.every(({ list }) => list.join() === brokers[0]!.list.join())

async function joined(t: Teardown, url: string, ...brokers: SharingBroker[]): Promise<void> {
  for (const broker of brokers) await broker.join(t, url)
}

natsTest('kv channels: what one broker creates is there at all, and gone at all when another one deletes it', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two, three] = [new SharingBroker('one'), new SharingBroker('two'), new SharingBroker('three')]
  await joined(t, url, one, two, three)
  await one.create('alarm', 'broadcast')
  await two.create('räume.küche')
  await until(() => three.list.length === 2 && same(one, two, three)())
  t.deepEqual(three.list, ['alarm broadcast', 'räume.küche pubsub'])
  t.is(three.channels.count, 2)
  await three.remove('alarm')
  await until(() => one.list.length === 1 && same(one, two, three)())
  await one.create('alarm')
  await until(() => three.list.length === 2 && same(one, two, three)())
  t.deepEqual(two.list, ['alarm pubsub', 'räume.küche pubsub'], 'the name is free again')
})

natsTest('kv channels: of two who create the same name at once one is told that it exists', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two')]
  await joined(t, url, one, two)
  for (let i = 0; i < 20; i++) {
    const codes = await Promise.all([errorCode(one.create(`c${i}`, 'pubsub')), errorCode(two.create(`c${i}`, 'broadcast'))])
    t.deepEqual(codes.toSorted(), ['channel.exists', 'resolved'])
    await until(() => one.list.length === i + 1 && same(one, two)())
    t.is(one.channel(`c${i}`)!.mode, codes[0] === 'resolved' ? 'pubsub' : 'broadcast')
  }
  t.deepEqual([...one.channels.conflicts(), ...two.channels.conflicts()], [])
})

natsTest('kv channels: a broker that was away catches up, and tells what it did meanwhile', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two')]
  await joined(t, url, one, two)
  for (const name of ['kept', 'gone-there', 'gone-here', 'made-anew']) await one.create(name)
  await until(same(one, two))
  await two.part()
  await one.create('made-there')
  await one.remove('gone-there')
  await one.remove('made-anew')
  await one.create('made-anew', 'broadcast')
  await two.create('made-here')
  await two.remove('gone-here')
  await two.remove('made-anew')
  t.deepEqual(two.list, ['gone-there pubsub', 'kept pubsub', 'made-here pubsub'])
  await two.join(t, url)
  await until(() => one.list.length === 4 && same(one, two)())
  t.deepEqual(one.list, ['kept pubsub', 'made-anew broadcast', 'made-here pubsub', 'made-there pubsub'])
  await until(() => two.saved.size === 4 && one.saved.size === 4)
  t.deepEqual([...one.channels.conflicts(), ...two.channels.conflicts()], [])
})

natsTest('kv channels: channels from before the joining become everybody\'s; in different modes the shared one holds, and it is said', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two')]
  await one.create('a')
  await one.create('both', 'broadcast')
  await two.create('b')
  await two.create('both', 'pubsub')
  await one.join(t, url)
  await until(() => one.channels.count === 2)
  await two.join(t, url)
  await until(() => one.list.length === 3 && same(one, two)())
  t.deepEqual(two.list, ['a pubsub', 'b pubsub', 'both broadcast'])
  t.deepEqual(two.channels.conflicts(), [], 'they are the same from now on')
  t.like(await two.log.logged(/in different modes/), { level: 'warn', fields: { channel: 'both', here: 'pubsub', there: 'broadcast' } })
})

natsTest('kv channels: channels of the configuration are not shared, and another mode elsewhere is named', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two', [channelSpec('alarm', 'broadcast'), channelSpec('news')])]
  await joined(t, url, one, two)
  await one.create('alarm')
  await one.create('news')
  await one.create('other')
  await until(() => two.list.length === 1 && two.channels.conflicts().length === 1)
  t.deepEqual(two.channels.conflicts(), [{ channel: 'alarm', here: 'broadcast', there: 'pubsub' }])
  await one.remove('alarm')
  await until(() => two.channels.conflicts().length === 0)
})

natsTest('kv channels: they outlast a kill of the servers, and a loss of the bucket', async t => {
  const server = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two')]
  await joined(t, server.url, one, two)
  await one.create('a')
  await until(same(one, two))
  await Promise.all([one.part(), two.part()])
  await server.kill()
  await server.start()
  const [, late] = [await one.join(t, server.url), new SharingBroker('late')]
  await late.join(t, server.url)
  await until(() => late.list.length === 1)
  const operator = await connectNats(t, server.url)
  await one.part()
  await operator.request('$JS.API.STREAM.DELETE.KV_callboard_channels')
  await one.join(t, server.url)
  await two.join(t, server.url)
  await until(() => two.channels.count === 1)
  t.deepEqual([one.list, two.list], [['a pubsub'], ['a pubsub']])
})

natsTest('kv channels: what cannot be started is not shared, and what somebody else writes there does no harm', async t => {
  const { url } = await startNatsServer(t, { jetStream: true })
  const [one, two] = [new SharingBroker('one'), new SharingBroker('two')]
  await joined(t, url, one, two)
  await t.throwsAsync(one.channels.create(channelSpec('broken'), () => Promise.reject(new Error('no disk'))), { message: 'no disk' })
  const vandal = await connectNats(t, url)
  for (const [key, value] of [['x', 'no JSON'], ['y', '{"name":"z","mode":"pubsub","createdAt":1}'], ['=', '{}'], ['broken', '{"name":"broken","mode":"log","createdAt":1}']] as const) vandal.publish(`$KV.callboard_channels.${key}`, value)
  await one.create('good')
  await until(() => two.list.length === 1)
  t.deepEqual(two.list, ['good pubsub'])
  await one.create('broken')
  await until(() => two.list.length === 2)
})

test('kv channels: a key stands for one name, and every name has one', t => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('a', 'a.b', 'a-b_c', '=YQ', 'a..b', 'ä.b', '.a', 'a.')), name => {
      const key = keyOfChannel(name)
      return /^[-/=.\w]+$/.test(key) && !/^\.|\.$|\.\./.test(key) && (!name.isWellFormed() || channelOfKey(key) === name)
    }),
  )
  for (const spec of [channelSpec('a.b', 'broadcast'), channelSpec('ü')]) t.deepEqual(readChannel(keyOfChannel(spec.name), Buffer.from(encodeChannel(spec, 'one'))), spec)
})

/** A broker and the bucket as `nextStep` knows them. */
interface Side {
  mode: ChannelMode | undefined
  agreed: number | undefined
  isAway: boolean
}

const action = fc.record({ broker: fc.nat({ max: 2 }), kind: fc.constantFrom('create', 'remove', 'part', 'join', 'look'), mode: fc.constantFrom<ChannelMode>('pubsub', 'broadcast') })

test('kv channels: whatever was done where and while who was away, in the end all have the same', t => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), actions => {
      const sides: Side[] = Array.from({ length: 3 }, () => ({ mode: undefined, agreed: undefined, isAway: false }))
      let [shared, revision]: [SharedChannel | undefined, number] = [undefined, 0]
      const put = (mode: ChannelMode | undefined): number => {
        shared = { revision: ++revision, spec: mode && channelSpec('a', mode) }
        return revision
      }
      const look = (side: Side): boolean => {
        const step = nextStep(side.mode && channelSpec('a', side.mode), side.agreed, shared)
        if (step.kind === 'write') side.agreed = put(side.mode)
        else if (step.kind === 'erase') [side.agreed] = [undefined, put(undefined)]
        else if (step.kind === 'stop' || step.kind === 'forget') side.mode = side.agreed = undefined
        else if (step.kind === 'agree') side.agreed = step.revision
        else if (step.kind !== 'nothing') [side.mode, side.agreed] = [step.spec.mode, step.revision]
        return step.kind !== 'nothing'
      }
      for (const { broker, kind, mode } of actions) {
        const side = sides[broker]!
        if (kind === 'create' && side.mode === undefined) [side.mode, side.agreed] = [mode, undefined]
        else if (kind === 'remove') side.mode = undefined
        else if (kind === 'part' || kind === 'join') side.isAway = kind === 'part'
        if (!side.isAway) look(side)
      }
      for (let rounds = 0; sides.map(look).includes(true); rounds++) if (rounds > 10) return false
      const end = (shared as SharedChannel | undefined)?.spec?.mode
      return sides.every(side => side.mode === end && (end === undefined || side.agreed === revision))
    }),
    { numRuns: 2000 },
  )
  t.pass()
})
