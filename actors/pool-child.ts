// The CPU pool as a child of its supervisor: while it runs, work goes to its threads.

import type { Core } from '../broker/core.ts'
import { poolMachine } from '../machines/pool.ts'
import { Actor } from './actor.ts'
import type { Environment } from './behaviour.ts'
import type { ChildSpec } from './child-spec.ts'

export function poolChild({ pool, poolWait }: Core, environment: Environment): ChildSpec {
  return {
    id: 'pool',
    kind: 'pool',
    restart: 'permanent',
    create: () =>
      new Actor({
        id: 'pool',
        kind: 'pool',
        machine: poolMachine,
        environment,
        behaviour: {
          init(scope) {
            // Threads start with the first task; that they cannot be had at all is known then.
            pool.open((error) => scope.fail(error))
            scope.defer(() => pool.close())
          },
          detail() {
            const { p50, p99 } = poolWait.percentiles()
            const threads = pool.threads.length === 0 ? 'no thread yet' : `${pool.threads.length} of ${pool.maxThreads} ${pool.maxThreads === 1 ? 'thread' : 'threads'}`
            return `${threads}, ${pool.depth} queued, wait p50 ${p50} ms p99 ${p99} ms, ${pool.doneTasks} tasks done, ${pool.inlineTasks} inline`
          },
        },
      }),
  }
}
