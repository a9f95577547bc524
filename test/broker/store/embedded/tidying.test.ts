import { statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { tidy } from '../../../../broker/store/embedded/tidying.ts'
import { EngineRig } from '../../../support/engine-rig.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

test('tidying: space that messages left is given back in steps, those that are left stay', (t) => {
  const directory = temporaryDirectory(t)
  const rig = new EngineRig(directory)
  const queue = rig.queue('jobs', { maxAckPending: 1000 })
  for (let i = 0; i < 20; i++) rig.append(queue, Array.from({ length: 20 }, (_, j) => `${i * 20 + j}`), { padding: 40_000 })
  const { database } = rig.engine.state
  const bytes = (): number => statSync(join(directory, 'queues.db')).size
  t.false(tidy(database, 0), 'nothing is free')
  const full = bytes()
  rig.demand(queue, 399)
  rig.settleDown()
  rig.settle(queue, 'ack', rig.leases.slice(0, 395))
  let steps = 0
  while (tidy(database, 0)) steps++
  t.true(steps > 2, `${steps} steps`)
  t.true(bytes() < full / 4, `${full} bytes before, ${bytes()} after`)
  rig.reopen()
  rig.demand(rig.queue(), 5)
  t.deepEqual(rig.leases.map(({ text }) => text), ['395', '396', '397', '398', '399'])
  rig.engine.close()
})
