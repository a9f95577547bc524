// A command's way in and out: the command line goes to its command, whatever was thrown becomes an exit code. Knows no command.

import type { Command } from 'commander'
import { guardPipes } from './output.ts'

/** Runs the program on this process's command line and leaves its exit code. Called once. */
export async function runProgram(program: Command): Promise<void> {
  const words = withOwnVersion(process.argv.slice(2))
  guardPipes()
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (thrown) {
    const { report } = await import('./report.ts')
    process.exitCode = await report(thrown, program, words)
  }
}

// `--version` is the program's own wherever it stands, but for `agent upgrade`, which asks for the version that is to run.
function withOwnVersion(words: readonly string[]): string[] {
  const [first, second] = words.filter(word => !word.startsWith('-'))
  return first === 'agent' && second === 'upgrade' ? words.map(word => word.replace(/^--version(?==|$)/, '--to')) : [...words]
}
