// Program: becomes a user of the system, with his groups, and then another program. Usage: become-user NAME UID GID PROGRAM WORD…
// An empty NAME is a user without one. It has no environment and nothing secret, and starts before there is anything to confine.

import { libc } from '../../native/linux/libc.ts'

/** On which the launcher is told its plan: Node would close it on the way. */
const BROKER = 3
const CANNOT_EXECUTE = 126

// Node has it, its types have not.
const { initgroups } = process as NodeJS.Process & { initgroups(user: string, group: number): void }
const [name = '', uid = '', gid = '', program = '', ...words] = process.argv.slice(2)
try {
  libc().keepOpen(BROKER)
  // First the groups: afterwards it is not root any more. What root is in besides would stay otherwise.
  if (name === '') process.setgroups!([Number(gid)])
  else initgroups(name, Number(gid))
  process.setgid!(Number(gid))
  process.setuid!(Number(uid))
  // It keeps the standard streams open by itself.
  process.execve!(program, [program, ...words], {})
} catch (error) {
  process.stderr.write(`cannot become uid ${uid} and run ${program}: ${error instanceof Error ? error.message : String(error)}\n`)
}
process.exit(CANNOT_EXECUTE)
