// The block `agents[].sandbox`: what an agent is kept from, and how much it may take.

import { sandboxLevels } from '../broker/ground/sandbox.ts'
import { block, defaulted, optional } from './keys.ts'
import { choice, count, duration, factor, flag, list, path, size, wordOrGrants } from './kinds.ts'

const DAY_MS = 86_400_000
const MIB = 1024 * 1024
const TIB = 1024 * 1024 * MIB

export const sandboxBlock = block({
  level: defaulted(choice(sandboxLevels), 'none', 'What holds it. `limits`: what it may take is limited, and its rights are given up. `restricted`: beside that, it reaches the files and ports that are named and no other processes. `isolated`: beside that, they do not exist for it. See docs/sandbox.md.'),
  files: block({
    read: defaulted(list(path), [], 'What it may read and execute beside the system\'s programs, its own and the directory that it starts in. What holds the broker\'s home or a file with its secrets is refused.'),
    write: defaulted(list(path), [], 'What it may read, write and make; to execute it, it must lie below a directory of `read` or the one that it starts in.'),
  }),
  network: defaulted(wordOrGrants(['none', 'loopback', 'all']), 'none', 'What it reaches beside its broker: nothing, a loopback of its own (level `isolated`), all, or a list of `connect:PORT` and `listen:PORT` (TCP) and `udp`.'),
  memory: optional(size(16 * MIB, TIB), 'none', 'Memory that each of its processes may have for itself.'),
  cpu: optional(factor(0.01, 1024), 'none', 'How many processors it may use.'),
  cpuTime: optional(duration(1000, 365 * DAY_MS), 'none', 'Processor time after which a process of it is ended.'),
  processes: optional(count(1, 1_000_000), 'none', 'How many processes and threads it may have; a program in Node has about 11.'),
  openFiles: optional(count(16, 1_048_576), 'none', 'How many files each of its processes may have open.'),
  fileSize: optional(size(0, 1024 * TIB), 'none', 'Largest file that it may write.'),
  controlGroups: defaulted(flag, true, 'Hold `memory`, `processes` and `cpu` by control groups where the broker may make them, for all processes of the agent together; without memory it is killed then. `false`: process by process, as everywhere else; a process is refused memory then.'),
  allowWeaker: defaulted(flag, false, 'Start it also where the machine cannot give all of this; what is missing is told. Without it, it does not start.'),
})
