// Turns whatever ended a command into words on stderr and an exit code.

import { styleText } from 'node:util'
import { CommanderError, type Command } from 'commander'
import { nearest } from '../broker/ground/nearest.ts'
import { explain } from './explain.ts'
import { Exit, Failure } from './failure.ts'
import { note } from './output.ts'

/** Prints the failure (`error:` and `hint:`, or one JSON object with `--json`) and returns the exit code. Help and version are no failures. */
export async function report(thrown: unknown, program: Command, words: readonly string[]): Promise<number> {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return Exit.ok
  // Help was asked for by leaving the command out: it stands on stderr already.
  if (thrown instanceof CommanderError && thrown.code === 'commander.help') return Exit.usage
  const failure = thrown instanceof CommanderError ? fromCommander(thrown, program, words) : explain(thrown)
  if (words.includes('--json')) {
    const { code, message, hint, details } = failure
    note(JSON.stringify({ error: { code, message, ...(hint !== undefined && { hint }), ...(details !== undefined && { details }) } }))
  } else {
    const stream = { stream: process.stderr }
    note(`${styleText('red', 'error:', stream)} ${failure.message}`)
    if (failure.hint !== undefined) note(`${styleText('cyan', 'hint:', stream)} ${failure.hint}`)
  }
  if (process.env['CALLBOARD_DEBUG'] && thrown instanceof Error) note(thrown.stack ?? thrown.message)
  return failure.exitCode
}

// Commander writes "error: what\n(Did you mean x?)".
function fromCommander(error: CommanderError, program: Command, words: readonly string[]): Failure {
  const [first = '', suggested] = error.message.replace(/^error: /, '').split('\n')
  const command = commandAt(program, words)
  const help = `see: ${[...path(command), '--help'].join(' ')}`
  const suggestion = suggested?.replace(/^\((.*)\)$/, '$1') ?? (error.code === 'commander.missingMandatoryOptionValue' ? misspelt(command, words) : undefined)
  return Failure.usage(first, suggestion === undefined ? help : `${suggestion} Or ${help}`)
}

// Commander looks for missing options before it looks at unknown ones; the unknown one usually is the missing one.
function misspelt(command: Command, words: readonly string[]): string | undefined {
  const known = command.createHelp().visibleOptions(command).flatMap(option => option.long ?? [])
  for (const word of words) {
    const name = word.split('=', 1)[0]!
    const meant = name.startsWith('--') && !known.includes(name) ? nearest(name, known) : undefined
    if (meant !== undefined) return `Did you mean ${meant}?`
  }
  return undefined
}

/** The innermost command that the words name. */
function commandAt(program: Command, words: readonly string[]): Command {
  let command = program
  for (const word of words) command = command.commands.find(each => each.name() === word) ?? command
  return command
}

function path(command: Command): string[] {
  return command.parent === null ? [command.name()] : [...path(command.parent), command.name()]
}
