// The block `fifos`: pairs of FIFOs in the home, for programs that can only open files.

import { overflows } from '../broker/ground/settings.ts'
import { block, defaulted, map, optional, required } from './keys.ts'
import { choice, list, name, pattern, size } from './kinds.ts'

const KIB = 1024
const MIB = 1024 * KIB

const rules = (verb: string) =>
  block({
    allow: defaulted(list(pattern), ['>'], `What its programs may ${verb}.`),
    deny: defaulted(list(pattern), [], `What they may not ${verb}, even if allowed.`),
  })

export const fifosBlock = optional(
  list(
    map({
      name: required(name, 'Of its files: programs write lines of JSON to `<name>.in` in the home, and read answers from `<name>.out`.'),
      publish: rules('publish'),
      subscribe: rules('receive'),
      overflow: defaulted(choice(overflows), 'drop-oldest', 'What happens to what its program does not read: see `ipc.limits.overflow`.'),
      maxPendingBytes: defaulted(size(64 * KIB, 1024 * MIB), '1mb', 'Most bytes that wait for it.'),
    }),
  ),
  'none',
  'Ways in for programs that can only open files; who may open the home may use them, without a credential.',
)
