// Program: becomes a user of the system, with his groups, and then another program. Usage: become-user NAME UID GID DESCRIPTORS PROGRAM WORD…
// An empty NAME is a user without one. It has no environment and nothing secret, and starts before there is anything to confine.

import { libc } from '../../native/linux/libc.ts'

/** Of those that are for the launcher: Node would close them on the way. */
const FIRST = 3
const CANNOT_EXECUTE = 126

// Node has it, its types have not.
const system = process as NodeJS.Process & { initgroups(user: string, group: number): void }
const [name = '', uid = '', gid = '', descriptors = '', program = '', ...words] = process.argv.slice(2)
try {
  for (let fd = FIRST; fd < FIRST + Number(descriptors); fd++) libc().keepOpen(fd)
  // First the groups: afterwards it is not root any more. What root is in besides would stay otherwise.
  if (name === '') process.setgroups!([Number(gid)])
  else system.initgroups(name, Number(gid))
  process.setgid!(Number(gid))
  process.setuid!(Number(uid))
  // It keeps the standard streams open by itself.
  process.execve!(program, [program, ...words], {})
} catch (error) {
  process.stderr.write(`cannot become uid ${uid} and run ${program}: ${error instanceof Error ? error.message : String(error)}\n`)
}
process.exit(CANNOT_EXECUTE)
