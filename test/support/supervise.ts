// A supervisor over scripted children, on a clock that the test moves.

import { Supervisor, type SupervisorOptions } from '../../actors/supervisor.ts'
import type { ChildSpec } from '../../actors/child-spec.ts'
import type { ExitReason } from '../../broker/ground/types.ts'
import { actorEnvironment } from './actor-environment.ts'
import { FakeChildren } from './fake-child.ts'

/** `specs` gives the children by id, in start order. The supervisor has not been started. */
export function supervise(specs: Readonly<Record<string, Partial<ChildSpec>>>, options: Partial<SupervisorOptions> = {}) {
  const environment = actorEnvironment()
  const children = new FakeChildren()
  const supervisor = new Supervisor({
    id: 'sup',
    strategy: 'oneForOne',
    intensity: 10,
    random: () => 1,
    environment,
    children: Object.entries(specs).map(([id, more]) => children.spec(id, more)),
    ...options,
  })
  const exits: ExitReason[] = []
  supervisor.onExit = reason => exits.push(reason)
  /** The phase or state of every child as the tree shows it: `a#2 run`. */
  const tree = (): string[] => supervisor.info().children.map(({ id, incarnation, phase, quarantine }) => `${id}#${incarnation} ${phase}${quarantine === undefined ? '' : ' in quarantine'}`)
  return { environment, clock: environment.clock, children, supervisor, exits, tree }
}
