// The block `agentGroups`: agents that are restarted together.

import { defaulted, map, optional, required } from './keys.ts'
import { choice, count, duration, list, name } from './kinds.ts'

const DAY_MS = 86_400_000

export const agentGroupsBlock = optional(
  list(
    map({
      name: required(name, 'Name of the group; `agents[].agentGroup` names it.'),
      strategy: defaulted(choice(['oneForOne', 'oneForAll', 'restForOne']), 'oneForOne', 'Whom the failure of one restarts: itself, all of the group, or itself and those that come after it.'),
      intensity: defaulted(count(0, 1000), 3, 'Restarts for failures in the group that are borne within `period`. With one more all of the group stay down, in quarantine, until `callboard agent restart` of one of them.'),
      period: defaulted(duration(1, DAY_MS), '1m', 'Time in which restarts are counted for `intensity`.'),
    }),
  ),
  'none',
  'Groups of agents that fail and are restarted together.',
)
