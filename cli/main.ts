// The command's way in and out: the command line goes to its command, whatever was thrown becomes an exit code. Knows no command.

import { guardPipes } from './output.ts'
import { buildProgram } from './program.ts'

const words = process.argv.slice(2)
guardPipes()
const program = buildProgram()
try {
  await program.parseAsync(words, { from: 'user' })
} catch (thrown) {
  const { report } = await import('./report.ts')
  process.exitCode = await report(thrown, program, words)
}
