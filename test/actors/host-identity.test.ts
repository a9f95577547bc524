import { randomBytes } from 'node:crypto'
import test from 'ava'
import { claimIdentity } from '../../actors/host-identity.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { until } from '../support/until.ts'

const log = recordedLog()
const identity = (): string => randomBytes(6).toString('hex')

test('host identity: a second home with it is refused and told who has it, until that one is gone', async t => {
  const broker = identity()
  const claim = await claimIdentity(broker, '/first', log)
  await t.throwsAsync(claimIdentity(broker, '/copy', log), { message: `home.copied: the home /copy is a copy of /first, whose broker (process ${process.pid}) runs with the same identity; stop that one, or delete broker.json and agents.json in the copy: it becomes a broker of its own then` })
  ;(await claimIdentity(identity(), '/copy', log)).release()
  claim.release()
  ;(await claimIdentity(broker, '/copy', log)).release()
})

test('host identity: the next broker of the same home waits for the end of the one before it, and has it then', async t => {
  const broker = identity()
  const before = await claimIdentity(broker, '/home', log)
  const next = await claimIdentity(broker, '/home', log)
  before.release()
  const isRefused = (): Promise<boolean> => claimIdentity(broker, '/copy', log).then(
    claim => {
      claim.release()
      return false
    },
    () => true,
  )
  await until(isRefused)
  next.release()
  t.false(await isRefused())
})
