// Runs a program of the system, such as systemctl, and gives what it said. Never through a shell.

import { execFile } from 'node:child_process'

export interface ToolRun {
  /** undefined: there is no such program. */
  readonly code: number | undefined
  /** stdout and stderr, without the last line end. */
  readonly text: string
}

/** A tool that answers later than this is taken for one that fails. ms */
const LIMIT_MS = 120_000

export function runTool(program: string, words: readonly string[]): Promise<ToolRun> {
  return new Promise(resolve => {
    execFile(program, words, { timeout: LIMIT_MS }, (error, stdout, stderr) => {
      const text = [stdout, stderr].map(part => part.trim()).filter(Boolean).join('\n')
      if (error === null) resolve({ code: 0, text })
      else if (error.code === 'ENOENT' || error.code === 'EACCES') resolve({ code: undefined, text: `there is no program ${program}` })
      else resolve({ code: typeof error.code === 'number' ? error.code : 1, text: text || error.message })
    })
  })
}
