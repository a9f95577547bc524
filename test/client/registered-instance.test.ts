// What an instance says of itself in each session, with a broker that refuses or is lost.

import test from 'ava'
import { BrokerError } from '../../broker/ground/errors.ts'
import type { ErrorCode } from '../../broker/ground/errors.ts'
import type { InstanceInfo } from '../../broker/ground/registry.ts'
import { RegisteredInstance } from '../../client/registered-instance.ts'
import type { WatchedClient } from '../../client/registry-watch.ts'
import { errorCode } from '../support/error-code.ts'

/** Answers as a broker would, or fails with `failing`; remembers what was said. */
class Session {
  failing: ErrorCode | undefined
  readonly said: unknown[] = []

  get client(): WatchedClient {
    const call = async (_method: string, params: object): Promise<InstanceInfo> => {
      this.said.push(params)
      if (this.failing !== undefined) throw new BrokerError(this.failing)
      return { instance: 'one', ...params } as unknown as InstanceInfo
    }
    return { call, subscribe: () => { throw new Error('nothing answers here') }, on: () => () => {} }
  }
}

test('registered instance: a change that was refused is not said in the next session, one that was lost is', async t => {
  const session = new Session()
  const own = new RegisteredInstance(session.client, () => t.fail('it goes on'), { name: 'a', version: '1.0.0' })
  await own.announce()
  await own.update({ weight: 7 })
  session.failing = 'registry.bad_version'
  t.is(await errorCode(own.update({ version: 'newest' })), 'registry.bad_version')
  session.failing = 'connection.lost'
  t.is(await errorCode(own.update({ health: 'draining' })), 'connection.lost')
  session.failing = undefined
  await own.announce()
  t.deepEqual(session.said.at(-1), { name: 'a', instance: 'one', version: '1.0.0', weight: 7, health: 'draining' })
  t.true(own.isRegistered)
})
