// `callboard completion`: a script that completes commands and options, made from the command tree itself.

import type { Command } from 'commander'
import { print } from '../output.ts'
import { Failure } from '../failure.ts'
import type { Context } from '../context.ts'

/** What may follow the words of one command. */
interface Place {
  /** The words in front, such as `ipc channel`; empty for the command itself. */
  readonly path: string
  readonly commands: readonly Entry[]
  readonly options: readonly Entry[]
}

interface Entry {
  readonly word: string
  readonly about: string
  /** What the option's value may be, for options that take one of a list. */
  readonly choices?: readonly string[]
  readonly takesValue?: boolean
}

const writers: Readonly<Record<string, (places: readonly Place[]) => string>> = { bash, zsh, fish }

export async function completion(_context: Context, _options: object, words: readonly string[], command: Command): Promise<void> {
  const writer = Object.hasOwn(writers, words[0]!) ? writers[words[0]!]! : undefined
  if (writer === undefined) throw Failure.usage(`no completion for the shell "${words[0]}"`, `there is one for ${Object.keys(writers).join(', ')}`)
  await print(writer(placesOf(rootOf(command), [])))
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent)
}

function placesOf(command: Command, path: readonly string[]): Place[] {
  const help = command.createHelp()
  const commands = help.visibleCommands(command).map(each => ({ word: each.name(), about: each.description() }))
  const options = [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)].map(option => ({
    word: option.long ?? option.short ?? '',
    about: option.description,
    takesValue: option.required,
    ...(option.argChoices !== undefined && { choices: option.argChoices }),
  }))
  return [{ path: path.join(' '), commands, options }, ...command.commands.flatMap(each => placesOf(each, [...path, each.name()]))]
}

// The three scripts work alike: the words before the cursor that name commands give the place, options in between are passed over.
// What an option may be is a matter of its command: `top --sort` and `agent top --sort` differ.
const choicesOf = (places: readonly Place[]): { readonly at: string; readonly choices: string }[] =>
  places.flatMap(({ path, options }) => options.flatMap(({ word, choices }) => (choices === undefined ? [] : [{ at: `"${path} ${word}"`, choices: choices.join(' ') }])))
const pathsOf = (places: readonly Place[]): string => places.filter(place => place.path !== '').map(place => `"${place.path}"`).join('|')

function bash(places: readonly Place[]): string {
  return `# bash completion for callboard
_callboard() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" place="" longer="" word="" words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    longer="\${place:+$place }$word"
    case "$longer" in ${pathsOf(places)}) place="$longer" ;; esac
  done
  case "$place $previous" in
${choicesOf(places).map(({ at, choices }) => `    ${at}) COMPREPLY=($(compgen -W "${choices}" -- "$current")); return ;;`).join('\n')}
  esac
  case "$previous" in
    --home) COMPREPLY=($(compgen -d -- "$current")); return ;;
    --config|check) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  case "$place" in
${places.map(place => `    "${place.path}") words="${[...place.commands, ...place.options].map(entry => entry.word).join(' ')}${place.path === 'completion' ? ' bash zsh fish' : ''}" ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _callboard callboard`
}

function zsh(places: readonly Place[]): string {
  const described = (entry: Entry): string => `'${quoted(`${entry.word.replaceAll(':', '\\:')}:${entry.about}`)}'`
  return `#compdef callboard
# zsh completion for callboard
_callboard() {
  local place="" longer word
  local -a entries
  for word in "\${(@)words[2,CURRENT-1]}"; do
    longer="\${place:+$place }$word"
    case "$longer" in ${pathsOf(places)}) place="$longer" ;; esac
  done
  case "$place \${words[CURRENT-1]}" in
${choicesOf(places).map(({ at, choices }) => `    ${at}) compadd -- ${choices}; return ;;`).join('\n')}
  esac
  case "\${words[CURRENT-1]}" in
    --home) _files -/; return ;;
    --config|check) _files; return ;;
  esac
  case "$place" in
${places.map(place => `    "${place.path}") entries=(${[...place.commands, ...place.options].map(described).join(' ')}) ;;`).join('\n')}
  esac
  [[ "$place" == completion ]] && compadd -- bash zsh fish
  _describe callboard entries
}
if [[ "$funcstack[1]" == _callboard ]]; then _callboard "$@"; else compdef _callboard callboard; fi`
}

function fish(places: readonly Place[]): string {
  const rule = (place: Place): string => `complete -c callboard -f -n 'test (__callboard_place) = "${place.path}"'`
  return `# fish completion for callboard
function __callboard_place
  set -l place ''
  for word in (commandline -opc)[2..-1]
    set -l longer (string trim -- "$place $word")
    switch $longer
      case ${places.filter(place => place.path !== '').map(place => `'${place.path}'`).join(' ')}
        set place $longer
    end
  end
  echo "$place"
end
${places
  .flatMap(place => [
    ...place.commands.map(entry => `${rule(place)} -a ${entry.word} -d '${quotedForFish(entry.about)}'`),
    ...place.options.map(entry => `${rule(place)} -l ${entry.word.slice(2)}${entry.takesValue === true ? ' -r' : ''}${entry.choices === undefined ? '' : ` -a '${entry.choices.join(' ')}'`} -d '${quotedForFish(entry.about)}'`),
  ])
  .join('\n')}
complete -c callboard -f -n 'test (__callboard_place) = completion' -a 'bash zsh fish'`
}

// Inside single quotes a POSIX shell ends, escapes and reopens; fish escapes with a backslash.
function quoted(text: string): string {
  return text.replaceAll("'", "'\\''")
}

function quotedForFish(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")
}
