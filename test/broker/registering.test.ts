// Requests to a name, from the registration to the answer, without sockets.

import test, { type ExecutionContext } from 'ava'
import fc from 'fast-check'
import { Reauthorisation } from '../../broker/reauthorisation.ts'
import { decodePayload } from '../../broker/ground/payload.ts'
import { PayloadType } from '../../broker/ground/payload-type.ts'
import type { Registration, RegistryEvent } from '../../broker/ground/registry.ts'
import { Flag, Kind } from '../../broker/wire/layout.ts'
import { codeOf, type NativeClient, type ReceivedFrame } from '../support/memory-client.ts'
import { natsMessages } from '../support/nats-text.ts'
import { PipelineRig } from '../support/pipeline.ts'

const WEATHER = '$CB.to.service.weather'
const nothing = { allow: [], deny: [] }
const all = { allow: ['>'], deny: [] }

function instance(rig: PipelineRig, client: string, registration: Partial<Registration> = {}, hello: object = {}): NativeClient {
  return rig.native({ client, register: { name: 'weather', ...registration }, ...hello })
}

function ask(asker: NativeClient, headers?: Readonly<Record<string, unknown>>, subject = WEATHER): number {
  return asker.send({ kind: Kind.request, subject, ...(headers === undefined ? {} : { headers }) })
}

function answer(responder: NativeClient, { origin, id, subject }: ReceivedFrame, kind: number = Kind.response): void {
  responder.send({ kind, to: origin, ref: id, subject })
}

function isSettled(t: ExecutionContext, rig: PipelineRig): void {
  t.true(rig.core.accounts.totals().balanced)
  t.is(rig.pipeline.openRequests, 0)
}

test('registering: of several instances exactly one gets a request to the name, and its answer comes back', t => {
  const rig = new PipelineRig()
  const instances = ['a', 'b', 'c'].map(client => instance(rig, client))
  const asker = rig.native()
  const ids = [1, 2, 3].map(() => ask(asker))
  const got = instances.map(each => each.messages())
  t.deepEqual(got.map(({ length }) => length), [1, 1, 1], 'each has one open, so each next one goes to another')
  for (const [i, each] of instances.entries()) answer(each, got[i]![0]!)
  t.deepEqual(asker.frames().map(({ kind, ref }) => `${kind} ${ref}`).toSorted(), ids.map(id => `${Kind.response} ${id}`))
  t.deepEqual(rig.core.registry.find({ name: 'weather' }).instances.map(({ requests, outstanding, failures }) => [requests, outstanding, failures]), [[1, 0, 0], [1, 0, 0], [1, 0, 0]])
  isSettled(t, rig)
})

test('registering: a name that nobody has, or nobody with that version, has no responders at once', t => {
  const rig = new PipelineRig()
  const asker = rig.native()
  ask(asker)
  t.is(codeOf(asker.frames()[0]!), 'request.no_responders')
  const old = instance(rig, 'a', { version: '1.0.0' })
  ask(asker, { version: '^2' })
  t.is(codeOf(asker.frames()[0]!), 'request.no_responders')
  const young = instance(rig, 'b', { version: '2.1.0' })
  ask(asker, { version: '^2' })
  ask(asker, { version: 2 })
  t.deepEqual([old.messages().length, young.messages().length], [0, 2])
  ask(asker, { version: 'newest' })
  t.is(codeOf(asker.frames()[0]!), 'registry.bad_version')
  asker.send({ kind: Kind.publish, flags: Flag.receipt, subject: WEATHER, headers: { version: 'newest' } })
  t.is(codeOf(asker.frames()[0]!), 'registry.bad_version')
  // Elsewhere these words are the sender's own.
  asker.send({ kind: Kind.publish, flags: Flag.receipt, subject: 'news', headers: { version: 'newest', affinity: [] } })
  t.is(asker.frames()[0]!.kind, Kind.receipt)
})

test('registering: an instance that dies has its open requests told, and gets no more', t => {
  const rig = new PipelineRig()
  const [dying, other] = [instance(rig, 'a'), instance(rig, 'b')]
  const asker = rig.native()
  ask(asker)
  ask(asker)
  const [kept] = other.messages()
  dying.link.hangUp()
  const [gone] = asker.frames()
  t.is(codeOf(gone!), 'request.responder_gone')
  for (let i = 0; i < 3; i++) ask(asker)
  const rest = other.messages()
  t.is(rest.length, 3)
  for (const each of [kept!, ...rest]) answer(other, each)
  t.is(asker.frames().filter(({ kind }) => kind === Kind.response).length, 4)
  t.deepEqual(rig.core.registry.find().instances.map(({ instance: id }) => id), ['b'])
  isSettled(t, rig)
})

test('registering: a session without its link keeps its registration and gets nothing until it is back', t => {
  const rig = new PipelineRig()
  const away = rig.native({ client: 'away', sessionTtlMs: 10_000, register: { name: 'weather' } })
  const asker = rig.native()
  ask(asker)
  away.link.hangUp()
  t.is(codeOf(asker.frames()[0]!), 'request.responder_gone')
  ask(asker)
  t.is(codeOf(asker.frames()[0]!), 'request.no_responders')
  t.like(rig.core.registry.find({ name: 'weather' }).instances[0], { instance: 'away', reachable: false, failures: 1, outstanding: 0 })
  isSettled(t, rig)
})

test('registering: errors, time-outs and ends count as failures, cancelled requests do not', async t => {
  const rig = new PipelineRig({ ipc: { timeoutMs: 100 } })
  const responder = instance(rig, 'a')
  const asker = rig.native()
  const figures = (): unknown => { const [{ requests, failures, outstanding }] = rig.core.registry.find().instances as unknown as [{ requests: number; failures: number; outstanding: number }]; return [requests, failures, outstanding] }
  const first = ask(asker)
  t.deepEqual(figures(), [1, 0, 1])
  asker.control(Kind.cancel, first)
  t.deepEqual(figures(), [1, 0, 0])
  ask(asker)
  answer(responder, responder.messages().find(({ kind, id }) => kind === Kind.request && id !== first)!, Kind.error)
  t.deepEqual(figures(), [2, 1, 0])
  ask(asker)
  await rig.advance(120)
  t.deepEqual(figures(), [3, 2, 0])
  isSettled(t, rig)
})

test('registering: who answers is left out where it wants no echo, and drained instances finish what they have', t => {
  const rig = new PipelineRig()
  const quiet = instance(rig, 'a', {}, { echo: false })
  ask(quiet)
  t.is(codeOf(quiet.frames()[0]!), 'request.no_responders')
  const other = instance(rig, 'b')
  for (let i = 0; i < 3; i++) ask(quiet)
  const got = other.messages()
  t.is(got.length, 3)
  rig.core.registry.instance('weather', 'b')!.update({ health: 'draining' })
  ask(quiet)
  t.is(codeOf(quiet.frames()[0]!), 'request.no_responders')
  for (const each of got) answer(other, each)
  t.is(quiet.frames().filter(({ kind }) => kind === Kind.response).length, 3)
})

test('registering: a message that is no request goes to one of them too', t => {
  const rig = new PipelineRig({ registry: { balancing: 'round_robin' } })
  const instances = ['a', 'b'].map(client => instance(rig, client))
  const sender = rig.native()
  for (let i = 0; i < 4; i++) sender.publish(WEATHER)
  t.deepEqual(instances.map(each => each.messages().length), [2, 2])
  t.true(rig.core.accounts.totals().balanced)
})

test('registering: who may not receive under the name may not register it, whoever takes roles from it', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest', roles: ['client'], publish: all, subscribe: { allow: ['news.>', '$CB.to.service.weather'], deny: [] } }, 'guest')
  rig.addPrincipal({ name: 'anybody', roles: ['client'], publish: all, subscribe: all }, 'anybody')
  rig.addPrincipal({ name: 'named', roles: ['client'], publish: all, subscribe: { allow: ['>', '$CB.to.service.>'], deny: ['$CB.to.service.bank'] } }, 'named')
  rig.addPrincipal({ name: 'worker', roles: ['agent'], publish: all, subscribe: { allow: ['work'], deny: ['$CB.to.service.bank'] } }, 'worker')
  const refused = (principal: string, name: string): string | undefined => {
    const client = rig.link()
    client.control(Kind.hello, 0, { principal, auth: { token: principal }, register: { name } })
    const [frame] = client.frames()
    return frame!.kind === Kind.welcome ? undefined : codeOf(frame!)
  }
  t.is(refused('guest', 'weather'), undefined)
  t.is(refused('guest', 'bank'), 'permission.denied')
  t.is(refused('anybody', 'weather'), 'permission.denied', 'a wildcard in front means the subjects of users')
  t.is(refused('named', 'news'), undefined)
  t.is(refused('named', 'bank'), 'permission.denied')
  t.is(refused('worker', 'anything'), undefined)
  t.is(refused('worker', 'bank'), 'permission.denied')
  t.deepEqual(rig.core.registry.find().instances.map(({ name }) => name).toSorted(), ['anything', 'news', 'weather'])
})

test('registering: who may not publish to a name does not reach it', t => {
  const rig = new PipelineRig()
  instance(rig, 'a')
  rig.addPrincipal({ name: 'guest', publish: nothing }, 'guest')
  const guest = rig.native({ principal: 'guest', auth: { token: 'guest' } })
  ask(guest)
  t.is(codeOf(guest.frames()[0]!), 'permission.denied')
})

test('registering: agents and nodes are registered as what they are', t => {
  const rig = new PipelineRig()
  rig.native({ client: 'a-1', agent: 'lamp' })
  rig.gateway({ deviceId: 'phone', role: 'node', nodeType: 'ios', version: '2.5.1', capabilities: ['canvas', 'camera'] })
  rig.gateway({ deviceId: 'tablet', role: 'node', nodeType: 'ios', version: 'beta' })
  rig.gateway({ deviceId: 'page', role: 'operator' })
  const [lamp, phone, tablet, ...others] = rig.core.registry.find().instances
  t.like(lamp, { kind: 'agent', name: 'lamp', instance: 'a-1' })
  t.like(phone, { kind: 'node', name: 'phone', version: '2.5.1', capabilities: ['canvas', 'camera'], metadata: { nodeType: 'ios' }, transport: 'websocket' })
  t.like(tablet, { version: '0.0.0' })
  t.deepEqual(others, [])
})

test('registering: a NATS client gets requests by its subscription to the name, one instance each, and answers them', t => {
  const rig = new PipelineRig()
  const register = (name: string): ReturnType<typeof rig.nats> => {
    const client = rig.nats({ name })
    const handle = rig.core.registering.register(client.connection, { name: 'weather', instance: name })
    t.false(handle.info.reachable, 'nothing is delivered to it without a subscription')
    client.raw(`SUB ${WEATHER} 7\r\n`)
    t.true(handle.info.reachable)
    return client
  }
  const [one, two] = [register('one'), register('two')]
  const asker = rig.native()
  const id = ask(asker)
  const got = [one, two].map(client => natsMessages(client.text()))
  t.is(got.flat().length, 1)
  const at = got.findIndex(({ length }) => length === 1)
  const responder = [one, two][at]!
  responder.raw(`PUB ${got[at]![0]!.replyTo!} 2\r\nok\r\n`)
  t.like(asker.frames()[0], { kind: Kind.response, ref: id })
  // Two NATS clients among themselves, with a wish in the words of their protocol.
  const third = rig.nats()
  third.raw('SUB _INBOX.me.* 1\r\n')
  for (let i = 0; i < 5; i++) {
    const block = 'NATS/1.0\r\nCallboard-Affinity: k\r\n\r\n'
    third.raw(`HPUB ${WEATHER} _INBOX.me.${i} ${block.length} ${block.length}\r\n${block}\r\n`)
  }
  t.deepEqual([one, two].map(client => natsMessages(client.text()).length).toSorted((a, b) => a - b), [0, 5])
  one.raw('UNSUB 7\r\n')
  two.raw('UNSUB 7\r\n')
  ask(asker)
  t.is(codeOf(asker.frames()[0]!), 'request.no_responders')
  isSettled(t, rig)
})

test('registering: changes are published for those who watch and may see them', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest', subscribe: { allow: ['>'], deny: ['$CB.registry.*.secret'] } }, 'guest')
  const [watcher, guest, bystander] = [rig.native(), rig.native({ principal: 'guest', auth: { token: 'guest' } }), rig.native()]
  watcher.subscribe(1, '$CB.registry.>')
  guest.subscribe(1, '$CB.registry.>')
  bystander.subscribe(1, '>')
  bystander.subscribe(2, '$CB.bus.>')
  t.is(codeOf(bystander.frames()[1]!), 'permission.denied')
  const client = instance(rig, 'a')
  rig.core.registering.register(client.connection, { name: 'secret' })
  rig.core.registry.instance('weather', 'a')!.observe('unhealthy')
  client.link.hangUp()
  const heard = (each: NativeClient): string[] => each.messages().map(({ subject, payload }) => {
    const { event, instance: { health } } = decodePayload(PayloadType.json, payload) as RegistryEvent
    return `${subject} ${event} ${health}`
  })
  t.deepEqual(heard(watcher), ['$CB.registry.joined.weather joined healthy', '$CB.registry.joined.secret joined healthy', '$CB.registry.health.weather health unhealthy', '$CB.registry.left.weather left unhealthy', '$CB.registry.left.secret left healthy'])
  t.deepEqual(heard(guest).filter(line => line.includes('secret')), [])
  t.deepEqual(bystander.messages(), [])
  t.true(rig.core.accounts.totals().balanced)
  const forger = rig.native()
  forger.publish('$CB.registry.joined.weather')
  t.is(codeOf(forger.frames()[0]!), 'permission.denied')
})

test('registering: bad registrations are refused by name, in the hello', t => {
  const rig = new PipelineRig()
  const code = (register: unknown): [string, string] => {
    const client = rig.link()
    client.control(Kind.hello, 0, { auth: { token: 'owner-token' }, register })
    const [frame] = client.frames()
    return [codeOf(frame!), (frame!.body as { message: string }).message]
  }
  t.regex(code({ name: 'a b' })[1], /hello\.register\.name must be a name of 1 to 128/)
  t.regex(code({ name: 'a..b' })[1], /without an empty part/)
  t.regex(code({ version: '1.0.0' })[1], /hello\.register\.name must be/)
  t.regex(code({ name: 'a', metadata: { k: 1 } })[1], /hello\.register\.metadata must be a map of at most 64 texts/)
  t.regex(code({ name: 'a', endpoints: [{ url: 'x' }] })[1], /endpoints\[0\]\.name must be/)
  t.regex(code({ name: 'a', weight: 0 })[1], /weight must be an integer of 1\.\.1000/)
  t.is(code({ name: 'a', version: 'x' })[0], 'registry.bad_version')
  t.is(rig.core.registry.size, 0)
})

test('registering: a NATS client that asks with a range that is none is told so where it waits', t => {
  const rig = new PipelineRig()
  instance(rig, 'a')
  const asker = rig.nats()
  asker.raw('SUB _INBOX.me.* 1\r\n')
  const block = 'NATS/1.0\r\nCallboard-Version: newest\r\n\r\n'
  asker.raw(`HPUB ${WEATHER} _INBOX.me.1 ${block.length} ${block.length}\r\n${block}\r\n`)
  const text = asker.text()
  t.regex(text, /registry\.bad_version/)
  t.notRegex(text, /-ERR/)
  isSettled(t, rig)
})

test('registering: the gateway has an address for names', t => {
  const rig = new PipelineRig()
  const responder = instance(rig, 'a')
  const client = rig.gateway()
  t.deepEqual(client.call('r', 'send', { to: { service: 'weather' }, payload: 1, wait: true }), [])
  answer(responder, responder.messages()[0]!)
  t.like(client.lines()[0], { id: 'r', ok: true })
})

test('registering: who may not answer under a name any more loses the registration', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'worker', subscribe: { allow: ['$CB.to.service.>'], deny: [] } }, 'worker')
  const worker = rig.native({ principal: 'worker', auth: { token: 'worker' }, register: { name: 'weather' } })
  rig.core.registering.register(worker.connection, { name: 'news' })
  const narrower = rig.core.addPrincipal({ name: 'worker', roles: ['client'], publish: all, subscribe: { allow: ['$CB.to.service.news'], deny: [] } }, { token: 'worker' })
  new Reauthorisation(rig.core, rig.pipeline).changed('worker', narrower)
  t.deepEqual(rig.core.registry.find().instances.map(({ name }) => name), ['news'])
  ask(worker)
  t.is(codeOf(worker.messages()[0]!), 'request.no_responders')
})

test('registering: whatever instances and requesters do, every request ends once, and the books are balanced', async t => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ kind: fc.constant('ask' as const), many: fc.boolean() }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), which: fc.nat(9), fails: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('join' as const), session: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), which: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 200 }) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async history => {
      const rig = new PipelineRig({ ipc: { timeoutMs: 150 } })
      const asker = rig.native()
      const [instances, open] = [[] as NativeClient[], new Map<number, number>()]
      const waiting = new Map<NativeClient, ReceivedFrame[]>()
      let joined = 0
      const read = (): void => {
        for (const each of instances) waiting.get(each)!.push(...each.messages().filter(({ kind }) => kind === Kind.request))
        for (const frame of asker.frames()) open.set(frame.ref, (open.get(frame.ref) ?? 0) + 1)
      }
      for (const next of history) {
        if (next.kind === 'join') {
          const client = instance(rig, `i-${++joined}`, {}, next.session ? { sessionTtlMs: 10_000 } : {})
          instances.push(client)
          waiting.set(client, [])
        } else if (next.kind === 'ask') open.set(asker.send({ kind: Kind.request, subject: WEATHER, flags: next.many ? Flag.many : 0 }), 0)
        else if (next.kind === 'time') await rig.advance(next.ms)
        else if (instances.length > 0 && next.kind === 'die') instances.splice(next.which % instances.length, 1)[0]!.link.hangUp()
        else if (instances.length > 0 && next.kind === 'answer') {
          const responder = instances[next.which % instances.length]!
          const request = waiting.get(responder)!.shift()
          if (request !== undefined) answer(responder, request, next.fails ? Kind.error : Kind.response)
        }
        read()
        if (!rig.core.accounts.totals().balanced) return false
        const outstanding = rig.core.registry.find().instances.reduce((sum, each) => sum + each.outstanding, 0)
        if (outstanding > rig.pipeline.openRequests) return false
      }
      await rig.advance(500)
      read()
      return rig.pipeline.openRequests === 0 && [...open.values()].every(ends => ends >= 1) && rig.core.registry.find().instances.every(({ outstanding }) => outstanding === 0)
    }),
    { numRuns: 60 },
  )
  t.pass()
})
