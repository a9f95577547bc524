// Reads the tour of a document, and plays it in a shell as a reader would. Knows prompts and outputs, not Callboard.
//
//   ```console       $ begins a command, a line that ends with \ goes on in the next; what follows is its output.
//                    In an output, … stands for whatever was left out, and a number, time or size for any other.
//   ```python        A block whose first line is a comment with a file name is that file.
//   # hello.py

import { spawn } from 'node:child_process'
import type { Teardown } from './temporary-directory.ts'

export interface Step {
  readonly command: string
  /** Lines that the document shows. */
  readonly output: readonly string[]
}

export interface Tour {
  readonly files: ReadonlyMap<string, string>
  readonly steps: readonly Step[]
}

/** The part of a Markdown text below `## heading`. */
export function sectionOf(markdown: string, heading: string): string {
  const from = markdown.indexOf(`\n## ${heading}\n`)
  if (from < 0) throw new Error(`there is no section "${heading}"`)
  const to = markdown.indexOf('\n## ', from + 1)
  return markdown.slice(from + 1, to < 0 ? undefined : to + 1)
}

/** The code blocks of a Markdown text, in order. */
export function readTour(markdown: string): Tour {
  const files = new Map<string, string>()
  const steps: { command: string; output: string[] }[] = []
  for (const [, language, body] of markdown.matchAll(/^```(\w*)\n([^]*?)^```$/gm)) {
    const name = /^(?:#|\/\/) (\w+\.(?:py|ts))\n/.exec(body!)?.[1]
    if (name !== undefined) files.set(name, body!)
    if (language !== 'console') continue
    for (const line of body!.replaceAll('\\\n', '').trimEnd().split('\n')) {
      if (line.startsWith('$ ')) steps.push({ command: line.slice(2), output: [] })
      else steps.at(-1)!.output.push(line)
    }
  }
  return { files, steps }
}

// What differs from run to run, and what may stand there instead.
const varying: readonly (readonly [shown: RegExp, allowed: string])[] = [
  [/\s*…\s*/, '.*'],
  [/\b[0-9a-f]{12}\b/, '[0-9a-f]{12}'],
  [/\d[\d.]* (?:µs|ms|s|m|h)\b(?: \d+ [sm]\b)?/, String.raw`\d[\d.]* (?:µs|ms|s|m|h)(?: \d+ [sm])?`],
  [/\d[\d.]* [KMG]iB\b/, String.raw`\d[\d.]* [KMGT]?i?B`],
  // A program that connects again while its first connection is not gone yet has a client id with one number more.
  [/-\d+\b/, String.raw`-\d+(?:-\d+)?`],
  [/\d[\d,.:]*/, String.raw`\d[\d,.:]*`],
  [/\s+/, String.raw`\s+`],
]
const token = new RegExp(varying.map(([shown]) => `(${shown.source})`).join('|'), 'g')

const literal = (text: string): string => text.replaceAll(/[^\w\s]/g, String.raw`\$&`)

/** What a shown line allows: other numbers, times, sizes and spaces for those it has, anything for `…`. */
export function linePattern(line: string): RegExp {
  let pattern = ''
  let at = 0
  for (const match of line.trim().matchAll(token)) {
    pattern += literal(line.trim().slice(at, match.index)) + varying[match.slice(1).findIndex(group => group !== undefined)]![1]
    at = match.index + match[0].length
  }
  return new RegExp(`^\\s*${pattern}${literal(line.trim().slice(at))}\\s*$`)
}

/** Shown lines that nothing printed answers to; each printed line answers to one. */
export function missingLines(shown: readonly string[], printed: string): string[] {
  const rest = printed.split('\n')
  return shown.filter(line => {
    if (line.trim() === '…') return false
    const pattern = linePattern(line)
    const at = rest.findIndex(candidate => pattern.test(candidate))
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
}

export interface Session {
  /** Runs one command; resolves with what was printed until it ended, and its exit code; -1 when it has not ended after 90 s. */
  run(command: string): Promise<{ readonly printed: string; readonly exit: number }>
  /** Resolves with all that is printed from the latest command's start on, when `isEnough` says so, or after 90 s. */
  until(isEnough: (printed: string) => boolean): Promise<string>
}

// Well beyond what a command of a second takes on a machine that runs ten others.
const LIMIT_MS = 90_000

/** A shell that keeps its variables and background jobs from one command to the next; killed, with them, when the test ends. */
export function openSession(t: Teardown, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly prelude: string }): Session {
  const shell = spawn('sh', [], { cwd: options.cwd, env: options.env, detached: true })
  t.teardown(() => process.kill(-shell.pid!, 'SIGKILL'))
  const end = /^tour-step-ended (\d+)$/m
  let printed = ''
  let look = (): void => {}
  const read = (chunk: Buffer): void => {
    printed += chunk.toString()
    look()
  }
  shell.stdout.on('data', read)
  shell.stderr.on('data', read)
  shell.stdin.write(`exec 2>&1\n${options.prelude}\n`)
  const until: Session['until'] = isEnough =>
    new Promise(resolve => {
      const leave = (): void => {
        clearTimeout(limit)
        resolve(printed.replace(end, ''))
      }
      // What did not come shall be seen, not only that something did not.
      const limit = setTimeout(leave, LIMIT_MS)
      look = () => {
        if (isEnough(printed)) leave()
      }
      look()
    })
  return {
    until,
    async run(command) {
      printed = ''
      // In braces, so that what the command reads is not the commands after it.
      shell.stdin.write(`{ ${command}\n} < /dev/null\necho "tour-step-ended $?"\n`)
      let exit = -1
      const text = await until(soFar => {
        exit = Number(end.exec(soFar)?.[1] ?? -1)
        return exit >= 0
      })
      return { printed: exit < 0 ? `${text}\n(it has not ended after ${LIMIT_MS / 1000} s)` : text, exit }
    },
  }
}
