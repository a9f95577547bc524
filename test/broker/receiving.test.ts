import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { codeOf } from '../support/memory-client.ts'
import { PipelineRig } from '../support/pipeline.ts'

const only = (...allow: string[]): { allow: string[]; deny: string[] } => ({ allow, deny: [] })

test('receiving: a subscriber of > does not see what is denied to it', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest', subscribe: { allow: ['>'], deny: ['secret.>'] } }, 'guest-token')
  const guest = rig.native({ principal: 'guest', auth: { token: 'guest-token' } })
  const owner = rig.native()
  guest.subscribe(1, '>')
  guest.subscribe(2, '*.*', { group: 'g' })
  guest.subscribe(3, '>', { filter: '@subject^=s' })
  guest.frames()
  for (const subject of ['news.today', 'secret.plan', 'secrets']) owner.publish(subject)
  t.deepEqual(guest.messages().map(({ kind, subject }) => [kind, subject]), [[Kind.publish, 'news.today'], [Kind.grouped, 'news.today'], [Kind.publish, 'secrets']])
})

test('receiving: a pattern is refused when nothing of it could ever be seen', t => {
  const rig = new PipelineRig()
  rig.addPrincipal({ name: 'guest', subscribe: { allow: ['a.>', 'b'], deny: ['a.x.>'] } }, 'guest-token')
  const guest = rig.native({ principal: 'guest', auth: { token: 'guest-token' } })
  const answers: [string, string][] = []
  for (const [i, pattern] of ['a.b', 'a.>', '>', 'b', 'c', 'a.x.y', 'a.x.>', 'a.*.y', '$CB.all', '$SYS.>', '_INBOX.x'].entries()) {
    guest.subscribe(i + 1, pattern)
    const [answer] = guest.frames()
    answers.push([pattern, answer!.kind === Kind.ok ? 'ok' : codeOf(answer!)])
  }
  const allowed = new Set(['a.b', 'a.>', '>', 'b', 'a.*.y'])
  t.deepEqual(answers, answers.map(([pattern]) => [pattern, allowed.has(pattern) ? 'ok' : 'permission.denied']))
})

test('receiving: a channel of mode broadcast reaches everyone who may receive, subscribed or not', t => {
  const rig = new PipelineRig()
  rig.openChannel({ name: 'alarm', mode: 'broadcast' })
  rig.addPrincipal({ name: 'deaf', subscribe: only('other') }, 'deaf-token')
  const [sender, silent, picky] = [rig.native(), rig.native(), rig.native()]
  const deaf = rig.native({ principal: 'deaf', auth: { token: 'deaf-token' } })
  picky.subscribe(1, 'alarm.>', { filter: '@subject=alarm.fire' })
  picky.frames()
  sender.publish('alarm.fire')
  sender.publish('alarm.flood')
  const heard = [sender, silent, picky, deaf].map(client => client.messages().map(({ subject }) => subject))
  t.deepEqual(heard, [['alarm.fire', 'alarm.flood'], ['alarm.fire', 'alarm.flood'], ['alarm.fire'], []])
  const late = rig.native()
  sender.publish('alarm.fire')
  t.is(late.messages().length, 1)
})

test('receiving: clients, agents and sessions have addresses, for as long as they are there', t => {
  const rig = new PipelineRig()
  const sender = rig.native({ client: 'sender' })
  const worker = rig.native({ client: 'worker', agent: 'weather' })
  const { session } = worker.connection
  const subjects = ['$CB.to.client.worker', '$CB.to.agent.weather', `$CB.to.session.${session}`]
  for (const subject of subjects) sender.publish(subject)
  for (const subject of ['$CB.to.client.nobody', '$CB.to.node.x', '$CB.to.client']) sender.publish(subject)
  t.deepEqual(worker.messages().map(({ subject }) => subject), subjects)
  worker.link.hangUp()
  rig.turn()
  const again = rig.native({ client: 'worker' })
  sender.publish('$CB.to.client.worker')
  t.is(again.messages().length, 1)
})

test('receiving: $CB.all reaches all but the sender', t => {
  const rig = new PipelineRig()
  const clients = [rig.native(), rig.native(), rig.native()]
  clients[0]!.publish('$CB.all')
  t.deepEqual(clients.map(client => client.messages().length), [0, 1, 1])
})

test('receiving: reserved subjects are nobody else\'s to publish', t => {
  const client = new PipelineRig().native()
  for (const subject of ['$CB.other', '$CB', '$SYS.x', '$JS.API', '_INBOX.1']) {
    const id = client.publish(subject)
    const [refusal] = client.frames()
    t.is(refusal!.ref, id)
    t.is(codeOf(refusal!), 'permission.denied', subject)
  }
})

test('receiving: a plain subscriber gets each message once, however many of its patterns match', t => {
  const client = new PipelineRig().native()
  for (const [i, pattern] of ['a.>', 'a.*', 'a.b', '>'].entries()) client.subscribe(i + 1, pattern)
  client.frames()
  client.publish('a.b')
  t.is(client.messages().length, 1)
  client.control(Kind.unsubscribe, 4)
  client.publish('z')
  t.is(client.messages().length, 0)
})

test('receiving: without echo a connection does not get what it published itself', t => {
  const rig = new PipelineRig()
  const quiet = rig.native({ echo: false })
  quiet.subscribe(1, 'a')
  quiet.subscribe(2, 'a', { filter: '@subject=a' })
  quiet.subscribe(3, 'a', { group: 'g' })
  quiet.publish('a')
  t.is(quiet.messages().length, 0)
  rig.native().publish('a')
  t.is(quiet.messages().length, 2)
})

test('receiving: one member of each group gets a message, and groups are told apart by pattern and name', t => {
  const rig = new PipelineRig()
  const [sender, one, two] = [rig.native(), rig.native(), rig.native()]
  for (const client of [one, two]) {
    client.subscribe(11, 'work.*', { group: 'g' })
    client.subscribe(12, 'work.>', { group: 'g' })
    client.subscribe(13, 'work.*', { group: 'h' })
    client.frames()
  }
  for (let i = 0; i < 6; i++) sender.publish('work.x')
  const counts = [one, two].map(client => {
    const messages = client.messages()
    return [11, 12, 13].map(number => messages.filter(({ ref }) => ref === number).length)
  })
  t.deepEqual(counts, [[3, 3, 3], [3, 3, 3]])
})

test('receiving: a group passes over a member that is ending', t => {
  const rig = new PipelineRig()
  const [sender, ending, other] = [rig.native(), rig.native({ client: 'ending' }), rig.native()]
  for (const client of [ending, other]) client.subscribe(1, 'work', { group: 'g' })
  rig.turn()
  other.frames()
  ending.link.kernelBytes = 0
  rig.core.end(ending.connection, new BrokerError('connection.killed'))
  t.is(ending.connection.state, 'closing')
  for (let i = 0; i < 4; i++) sender.publish('work')
  t.is(other.messages().length, 4)
})
