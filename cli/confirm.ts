// Asks whoever sits at the terminal, yes or no.

import { createInterface } from 'node:readline/promises'
import { Failure } from './failure.ts'

/**
 * True for `y` and `yes`. Anything else, and the end of the input, is no.
 * @throws Failure usage with `hint` where nobody sits at a terminal
 */
export async function confirm(question: string, hint: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) throw Failure.usage('nobody can be asked here', hint)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  // Ctrl-D ends the input without an answer.
  const ended = new Promise<string>(resolve => terminal.once('close', () => resolve('')))
  try {
    return /^y(?:es)?$/i.test((await Promise.race([terminal.question(`${question} [y/N] `), ended])).trim())
  } finally {
    terminal.close()
  }
}
