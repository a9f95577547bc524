// A program of the system such as systemctl, played by a script that stands first in the PATH and writes down how it was called.

import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory, type Teardown } from './temporary-directory.ts'

export interface FakeTool {
  /** A PATH in which it is found first. */
  readonly path: string
  /** The words of each call since the last look. */
  calls(): string[]
}

/** `answers` are branches of a shell's `case "$*"`; whatever they leave out succeeds without a word. */
export function fakeTool(t: Teardown, name: string, answers: string): FakeTool {
  const directory = temporaryDirectory(t)
  const log = join(directory, 'calls')
  const program = join(directory, name)
  writeFileSync(program, `#!/bin/sh\necho "$*" >> '${log}'\ncase "$*" in\n${answers}\nesac\n`)
  chmodSync(program, 0o755)
  return {
    path: `${directory}:${process.env['PATH']}`,
    calls() {
      const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
      writeFileSync(log, '')
      return text.split('\n').filter(Boolean)
    },
  }
}
