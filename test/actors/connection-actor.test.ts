import test, { type ExecutionContext } from 'ava'
import { ConnectionActor } from '../../actors/connection-actor.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { ExitReason } from '../../broker/ground/types.ts'
import { Kind } from '../../broker/wire/layout.ts'
import type { NativeClient } from '../support/memory-client.ts'
import { OWNER_TOKEN, PipelineRig } from '../support/pipeline.ts'

/** A connection that has said nothing yet, its actor, and the phases that the tree would have shown. */
function setUp() {
  const rig = new PipelineRig()
  const client = rig.link()
  const actor = new ConnectionActor(rig.core, client.connection)
  const exits: ExitReason[] = []
  actor.onExit = reason => exits.push(reason)
  const phases: string[] = [actor.info().phase]
  let told = 1
  /** Hands over the edges that the data plane has raised since, as the tree does. */
  const follow = (): string[] => {
    for (const [, event] of rig.events.slice(told)) {
      actor.take(event)
      phases.push(actor.info().phase)
    }
    told = rig.events.length
    return phases
  }
  return { rig, client, actor, exits, follow }
}

const greet = (client: NativeClient): void => {
  client.control(Kind.hello, 0, { auth: { token: OWNER_TOKEN } })
  client.frames()
}

test('connection actor: it is in init until it is authenticated, then in run', t => {
  const { client, follow } = setUp()
  t.deepEqual(follow(), ['init'])
  greet(client)
  t.deepEqual(follow(), ['init', 'run'])
})

const codeOf = (exit: ExitReason): string | undefined => (exit.kind === 'crash' ? BrokerError.from(exit.error).code : undefined)

const ends: [string, (rig: PipelineRig, client: NativeClient) => void, ExitReason['kind'], string | undefined][] = [
  ['a stop', (rig, { connection }) => rig.core.end(connection, new BrokerError('connection.draining')), 'shutdown', undefined],
  ['the operator', (rig, { connection }) => rig.core.end(connection, new BrokerError('connection.killed')), 'shutdown', undefined],
  ['a take-over', (rig, { connection }) => rig.core.end(connection, new BrokerError('session.taken_over', { client: 'x' })), 'shutdown', undefined],
  ['the broker, for a fault', (rig, { connection }) => rig.core.end(connection, new BrokerError('connection.stale', { silentMs: 1 })), 'crash', 'connection.stale'],
  ['a link that breaks', (_, { link }) => link.hangUp(new Error('reset')), 'crash', 'connection.lost'],
]

for (const [what, end, kind, code] of ends) {
  test(`connection actor: ended by ${what} it terminates, and its exit says so`, t => {
    const { rig, client, exits, follow } = setUp()
    greet(client)
    end(rig, client)
    if (!client.link.isClosed) {
      t.deepEqual(follow(), ['init', 'run', 'terminate'])
      t.deepEqual(exits, [])
    }
    client.frames()
    t.is(follow().at(-1), 'exited')
    t.deepEqual(exits.map(exit => [exit.kind, codeOf(exit)]), [[kind, code]])
  })
}

const goodbyes: [string, (context: ReturnType<typeof setUp>) => void, ExitReason['kind']][] = [
  ['a goodbye', ({ client }) => void client.control(Kind.goodbye, 0), 'normal'],
  ['a link that is closed', ({ client }) => client.link.hangUp(), 'normal'],
]

for (const [what, leave, kind] of goodbyes) {
  test(`connection actor: ${what} ends it, from run and from init`, (t: ExecutionContext) => {
    for (const isGreeted of [true, false]) {
      const context = setUp()
      if (isGreeted) greet(context.client)
      if (!isGreeted && what === 'a goodbye') context.client.link.end()
      else leave(context)
      context.client.frames()
      t.is(context.follow().at(-1), 'exited')
      t.deepEqual(context.exits, [{ kind }])
    }
  })
}

test('connection actor: killed, it is gone at once, and its exit says killed', t => {
  const { rig, client, actor, exits, follow } = setUp()
  greet(client)
  follow()
  actor.kill()
  rig.turn()
  t.is(follow().at(-1), 'exited')
  t.deepEqual(exits, [{ kind: 'killed' }])
  t.true(client.link.isClosed)
})

test('connection actor: stop tells the client why, and kill ends one that is stopping', t => {
  const { rig, client, actor, exits, follow } = setUp()
  greet(client)
  follow()
  client.link.kernelBytes = 0
  actor.stop()
  rig.turn()
  t.is(follow().at(-1), 'terminate')
  actor.kill()
  rig.turn()
  t.is(follow().at(-1), 'exited')
  t.deepEqual(exits, [{ kind: 'killed' }])
})
