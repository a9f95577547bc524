import test from 'ava'
import fc from 'fast-check'
import { SocketLimits } from '../../http/socket-limits.ts'
import { errorCode } from '../support/error-code.ts'

const enter = (limits: SocketLimits, address: string): Promise<string> => errorCode(Promise.resolve().then(() => limits.enter(address)))

test('socket limits: of one address, of all, and of those that were let in', async t => {
  const limits = new SocketLimits({ maxUnauthenticatedPerAddress: 2, maxUnauthenticated: 3, maxConnectionsPerAddress: 3 })
  t.is(await enter(limits, 'a'), 'resolved')
  t.is(await enter(limits, 'a'), 'resolved')
  t.is(await enter(limits, 'a'), 'gateway.socket_limit')
  t.is(await enter(limits, 'b'), 'resolved')
  t.is(await enter(limits, 'c'), 'gateway.socket_limit')
  limits.authenticated('a')
  t.is(await enter(limits, 'a'), 'resolved')
  limits.authenticated('a')
  t.is(await enter(limits, 'a'), 'gateway.socket_limit')
  limits.leave('a', true)
  t.is(await enter(limits, 'a'), 'resolved')
})

test('socket limits: 0 is no limit', async t => {
  const limits = new SocketLimits({ maxUnauthenticatedPerAddress: 0, maxUnauthenticated: 0, maxConnectionsPerAddress: 0 })
  for (let i = 0; i < 5000; i++) limits.enter('a')
  t.is(limits.unauthenticated, 5000)
})

test('socket limits: whatever comes and goes, the counts are those of who is there, and an address that left is forgotten', t => {
  const step = fc.record({ what: fc.constantFrom('enter', 'authenticate', 'leave'), pick: fc.nat(50), address: fc.constantFrom('a', 'b', 'c') })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), steps => {
      const limits = new SocketLimits({ maxUnauthenticatedPerAddress: 3, maxUnauthenticated: 5, maxConnectionsPerAddress: 4 })
      const there: { address: string; isIn: boolean }[] = []
      for (const { what, pick, address } of steps) {
        const one = there[pick % Math.max(1, there.length)]
        if (what === 'enter') {
          const own = there.filter(other => other.address === address)
          const isRoom = own.length < 4 && own.filter(({ isIn }) => !isIn).length < 3 && there.filter(({ isIn }) => !isIn).length < 5
          let entered = true
          try {
            limits.enter(address)
          } catch {
            entered = false
          }
          t.is(entered, isRoom)
          if (entered) there.push({ address, isIn: false })
        } else if (one === undefined) continue
        else if (what === 'authenticate' && !one.isIn) {
          one.isIn = true
          limits.authenticated(one.address)
        } else if (what === 'leave') {
          there.splice(there.indexOf(one), 1)
          limits.leave(one.address, one.isIn)
        }
        t.is(limits.unauthenticated, there.filter(({ isIn }) => !isIn).length)
        t.is(limits.addresses, new Set(there.map(({ address: from }) => from)).size)
      }
    }),
  )
})
