// What holds for leases wherever they are kept: in this process, or among brokers by NATS servers.

import test, { type ExecutionContext } from 'ava'
import type { Lease } from '../../broker/ground/leases.ts'
import { errorCode } from '../support/error-code.ts'
import { kvLeaseRig, localLeaseRig, type LeaseRig } from '../support/lease-rig.ts'
import { natsTest } from '../support/nats-server.ts'

const TTL_MS = 8000

const implementations = [
  { name: 'embedded', declare: test, rig: (_: ExecutionContext): Promise<LeaseRig> => Promise.resolve(localLeaseRig()) },
  { name: 'joined', declare: natsTest, rig: (t: ExecutionContext): Promise<LeaseRig> => kvLeaseRig(t) },
]

/** Resolves when `waiting` does, while time passes. */
async function inTime<T>({ pass }: LeaseRig, waiting: Promise<T>): Promise<T> {
  const done = new AbortController()
  void waiting.finally(() => done.abort()).catch(() => {})
  while (!done.signal.aborted) await pass(100)
  return waiting
}

for (const { name: kept, declare, rig: open } of implementations) {
  const story = (title: string, run: (t: ExecutionContext, rig: LeaseRig) => Promise<void>): void => declare(`leases (${kept}): ${title}`, async (t: ExecutionContext) => run(t, await open(t)))

  story('of two who ask for a name one gets it, and another name is another lease', async (t, { first, second }) => {
    const lease = (await first.tryAcquire('connector.mail', TTL_MS))!
    t.like(lease, { name: 'connector.mail', isHeld: true })
    t.false(lease.lost.aborted)
    t.is(await second.tryAcquire('connector.mail', TTL_MS), undefined)
    t.is(await first.tryAcquire('connector.mail', TTL_MS), undefined, 'it is not the caller who holds it, but the lease')
    t.truthy(await second.tryAcquire('connector.chat', TTL_MS))
  })

  story('what is held is listed', async (t, { first, pass }) => {
    const [a, b] = [await first.tryAcquire('a', TTL_MS), await first.tryAcquire('b', 2 * TTL_MS)]
    await pass(1000)
    t.deepEqual(first.held(), [{ name: 'a', token: a!.token, ttlMs: TTL_MS, heldMs: 1000 }, { name: 'b', token: b!.token, ttlMs: 2 * TTL_MS, heldMs: 1000 }])
    await a!.release()
    t.deepEqual(first.held().map(({ name }) => name), ['b'])
  })

  story('once it is released the next one gets it, with a greater token', async (t, { first, second }) => {
    let last: Lease | undefined
    for (const [leases, other] of [[first, second], [second, first], [first, second]] as const) {
      const lease = (await leases.tryAcquire('a', TTL_MS))!
      t.true(Number.isSafeInteger(lease.token) && lease.token > (last?.token ?? 0))
      t.is(await other.tryAcquire('a', TTL_MS), undefined)
      await lease.release()
      t.false(lease.isHeld)
      t.false(lease.lost.aborted, 'giving it back is not losing it')
      // A second time gives back nothing that somebody else has by now.
      await last?.release()
      last = lease
    }
  })

  story('a holder that lives keeps it for longer than its time to live', async (t, { first, second, pass }) => {
    const lease = (await first.tryAcquire('a', TTL_MS))!
    for (let passed = 0; passed < 5 * TTL_MS; passed += TTL_MS / 8) {
      await pass(TTL_MS / 8)
      t.is(await second.tryAcquire('a', TTL_MS), undefined)
      t.true(lease.isHeld)
    }
    t.false(lease.lost.aborted)
    await lease.release()
    t.true((await second.tryAcquire('a', TTL_MS))!.token > lease.token)
  })

  story('who waits gets it when it is released', async (t, rig) => {
    const lease = (await rig.first.tryAcquire('a', TTL_MS))!
    const waiting = rig.second.acquire('a', TTL_MS)
    await rig.pass(2 * TTL_MS)
    t.true(lease.isHeld)
    await lease.release()
    t.true((await inTime(rig, waiting)).isHeld)
  })

  story('who gives up waiting is told, and does not get it later', async (t, rig) => {
    const lease = (await rig.first.tryAcquire('a', TTL_MS))!
    const giveUp = new AbortController()
    const waiting = rig.second.acquire('a', TTL_MS, giveUp.signal)
    await rig.pass(1000)
    giveUp.abort()
    t.is(await errorCode(inTime(rig, waiting)), 'client.aborted')
    t.is(await errorCode(rig.second.acquire('a', TTL_MS, giveUp.signal)), 'client.aborted')
    await lease.release()
    await rig.pass(5000)
    t.truthy(await rig.first.tryAcquire('a', TTL_MS))
  })

  story('many who want the same one have it one after the other', async (t, rig) => {
    let [holders, lastToken] = [0, 0]
    const work = async (leases: LeaseRig['first']): Promise<void> => {
      const lease = await leases.acquire('a', TTL_MS)
      t.is(++holders, 1)
      t.true(lease.token > lastToken)
      lastToken = lease.token
      await rig.pass(50)
      t.true(lease.isHeld)
      holders--
      await lease.release()
    }
    await inTime(rig, Promise.all(Array.from({ length: 8 }, (_, i) => work(i % 2 === 0 ? rig.first : rig.second))))
    t.is(holders, 0)
    t.true(lastToken > 0)
  })

  story('at the end of the broker its holders lose them, and nobody gets one there any more', async (t, rig) => {
    const lease = (await rig.first.tryAcquire('a', TTL_MS))!
    let isHeldWhenTold: boolean | undefined
    lease.lost.addEventListener('abort', () => (isHeldWhenTold = lease.isHeld))
    const waiting = rig.first.acquire('a', TTL_MS)
    const refused = t.throwsAsync(waiting, { code: 'lease.unavailable' })
    await rig.first.close()
    t.like(lease.lost.reason, { code: 'lease.lost' })
    t.false(isHeldWhenTold)
    t.deepEqual(rig.first.held(), [])
    await inTime(rig, refused)
    t.is(await errorCode(rig.first.tryAcquire('a', TTL_MS)), 'lease.unavailable')
    await rig.first.close()
  })

  story('names and times that cannot be are refused', async (t, { first }) => {
    for (const name of ['', 'a b', 'a..b', '.a', '*', '>', 'ä', 'x'.repeat(65), 'a.b.c.d.e.f.g.h.i']) t.is(await errorCode(first.tryAcquire(name, TTL_MS)), 'lease.invalid')
    for (const ttlMs of [0, 99, 600_001, NaN, -1]) t.is(await errorCode(first.acquire('a', ttlMs)), 'lease.invalid')
  })
}
