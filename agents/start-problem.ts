// Says in words why a process could not be started.

import { existsSync, statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import type { Launch } from './launch.ts'

/** The rest of a sentence that begins with the agent's name. The system has one code, ENOENT, for three of these. */
export function startProblem(launch: Launch, error: unknown): string {
  const { command, directory } = launch
  if (!isDirectory(directory)) return `cannot start: its working directory ${directory} does not exist`
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const path = command.includes('/') ? (isAbsolute(command) ? command : join(directory, command)) : undefined
  if (code === 'ENOENT') {
    if (path === undefined) return `cannot start: there is no command "${command}" in PATH (${launch.environment['PATH'] ?? 'which is not set'})`
    return existsSync(path) ? `cannot start: the interpreter that the first line of ${path} names does not exist` : `cannot start: there is no file ${path}`
  }
  if (code === 'EACCES') return `cannot start: no permission to execute "${command}"; check its mode with ls -l`
  return `cannot start "${command}": ${error instanceof Error ? error.message : String(error)}`
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
