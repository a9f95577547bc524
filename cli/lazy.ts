// Ties a declared command to code that is loaded when the command runs, and not for help.

import type { Command } from 'commander'
import { contextOf, type Context } from './context.ts'

/** What a command does. `words` are its arguments without options, `command` is where it stands in the tree. */
type Run<Options extends object> = (context: Context, options: Options, words: readonly string[], command: Command) => Promise<void>

/** The action of a command whose code `load` imports. */
export function lazily<Options extends object>(load: () => Promise<Run<Options>>): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    // Commander hands over the arguments, the options and, last, the command itself.
    const command = received.at(-1) as Command
    const run = await load()
    await run(contextOf(command), command.opts<Options>(), command.args, command)
  }
}

/** Examples under a command's help, a line each: what to type. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map(line => `  $ ${line}`).join('\n')}`
}
