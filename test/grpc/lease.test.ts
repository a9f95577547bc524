// The lease of a registration, by a clock that the test moves.

import test from 'ava'
import { Deadlines } from '../../broker/ground/deadlines.ts'
import { ConnectionEnd } from '../../grpc/connection-end.ts'
import { Registration } from '../../grpc/registrations.ts'
import type { AgentInfo } from '../../grpc/messages.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('grpc lease: it begins anew with each renewal, and ends the connection when it is over', async t => {
  const clock = new FakeClock()
  const deadlines = new Deadlines(clock, { onError: error => t.fail(String(error)) })
  const end = new ConnectionEnd({ address: 'unix', pid: undefined, uid: undefined }, link => link.attach({ received() {}, written() {}, ended() {}, closed() {} }), {})
  const info: AgentInfo = { name: 'lamp', version: '', instance: '', capabilities: [], metadata: {}, endpoints: [], weight: 0, kind: '', leaseMs: 10_000 }
  const registration = new Registration({} as never, end, info, deadlines)
  for (let i = 0; i < 5; i++) {
    await clock.advance(9000)
    t.false(end.isOver)
    registration.renew()
  }
  await clock.advance(11_000)
  t.true(end.isOver)
})
