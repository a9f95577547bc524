// What a process asked the system to do with files, as `strace` wrote it down: in order, over all threads, with the bytes. Knows no file.

import { spawnSync } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext } from 'ava'

/** One call at the moment at which it began, or, of a sync, at which it was over. */
export type SystemCall =
  | { readonly kind: 'open'; readonly path: string; readonly isCreated: boolean; readonly isEmptied: boolean }
  | { readonly kind: 'write'; readonly path: string; readonly fd: number; readonly bytes: Buffer; /** undefined: where the file's pointer stands */ readonly at: number | undefined }
  | { readonly kind: 'truncate'; readonly path: string; readonly size: number }
  | { readonly kind: 'sync'; readonly path: string }
  | { readonly kind: 'sync-failed'; readonly path: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string }

/** Why nothing can be traced here, for tests to skip by; undefined: it can. Where CI=true it must. */
const noStrace: string | undefined =
  process.env['CI'] === 'true' || spawnSync('strace', ['-f', '-o', '/dev/null', 'true']).status === 0 ? undefined : 'strace is not installed, or may not run'

/** Declares a test that runs where a process can be traced. */
export function straceTest(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (noStrace === undefined) test(title, run)
  else test.skip(`${title} (left out: ${noStrace})`, run)
}

/** The same for a story with processes of its own: no other one of its file runs beside it. */
export function straceStory(title: string, run: (t: ExecutionContext) => Promise<void>): void {
  if (noStrace === undefined) test.serial(title, run)
  else straceTest(title, run)
}

/** The words before those of a program that is to be traced into `file`; other system calls run at full speed. */
export function straceInto(file: string): string[] {
  return ['strace', '-f', '--seccomp-bpf', '-y', '-xx', '-s', '16777216', '-e', 'signal=none', '-e', `trace=${traced.join(',')}`, '-o', file]
}

const traced = ['openat', 'write', 'writev', 'pwrite64', 'pwritev', 'ftruncate', 'fsync', 'fdatasync', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2']
// `7  pwrite64(21<path>, "bytes", 12, 0) = 12`, or in two lines when another thread came between.
const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>(.*)|(\w+)\((.*))$/s
const UNFINISHED = ' <unfinished ...>'

/** The calls of a file that `straceInto` wrote, of those that succeeded, and syncs that did not. */
export async function* readCalls(file: string): AsyncGenerator<SystemCall> {
  const unfinished = new Map<string, string>()
  for await (const line of createInterface({ input: createReadStream(file, 'latin1'), crlfDelay: Infinity })) {
    const parts = LINE.exec(line)
    if (parts === null) continue
    const [, thread, resumed, rest, name, words] = parts as unknown as [string, string, string | undefined, string, string, string]
    if (resumed !== undefined) {
      const before = unfinished.get(thread)!
      unfinished.delete(thread)
      // What was written counted from its beginning on; a sync counts when it is over.
      if (!isAtOnce(resumed)) yield* calls(resumed, before + rest)
    } else if (words.endsWith(UNFINISHED)) {
      const begun = words.slice(0, -UNFINISHED.length)
      unfinished.set(thread, begun)
      if (isAtOnce(name)) yield* calls(name, begun)
    } else yield* calls(name, words)
  }
}

function isAtOnce(name: string): boolean {
  return name.startsWith('write') || name.startsWith('pwrite')
}

function* calls(name: string, words: string): Generator<SystemCall> {
  const [first, fd] = /^(\d+)<([^>]*)>/.exec(words)?.slice(1) ?? []
  const path = fd === undefined ? '' : unhex(fd).toString()
  if (/\) += -1 /.test(words)) {
    if (name === 'fsync' || name === 'fdatasync') yield { kind: 'sync-failed', path }
    return
  }
  const texts = (): Buffer[] => [...words.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(match => unhex(match[1]!))
  const last = (): number => Number(/, (\d+)(?:\) += .*)?$/s.exec(words)![1])
  switch (name) {
    case 'openat':
      // The path as it was opened is behind the result.
      yield { kind: 'open', path: unhex(/= \d+<([^>]*)>$/.exec(words)![1]!).toString(), isCreated: words.includes('O_CREAT'), isEmptied: words.includes('O_TRUNC') }
      return
    case 'write':
    case 'writev':
      yield { kind: 'write', path, fd: Number(first), bytes: Buffer.concat(texts()), at: undefined }
      return
    case 'pwrite64':
    case 'pwritev':
      yield { kind: 'write', path, fd: Number(first), bytes: Buffer.concat(texts()), at: last() }
      return
    case 'ftruncate':
      yield { kind: 'truncate', path, size: last() }
      return
    case 'fsync':
    case 'fdatasync':
      yield { kind: 'sync', path }
      return
    case 'unlink':
    case 'unlinkat':
      yield { kind: 'remove', path: texts()[0]!.toString() }
      return
    default:
      yield { kind: 'rename', path: texts()[0]!.toString(), to: texts()[1]!.toString() }
  }
}

/** `\x41\x42` as bytes. */
function unhex(text: string): Buffer {
  return Buffer.from(text.replaceAll('\\x', ''), 'hex')
}
