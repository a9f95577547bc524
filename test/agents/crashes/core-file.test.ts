import { symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { coreFile } from '../../../agents/crashes/core-file.ts'
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts'

test('core file: found under the names that core(5) makes of pattern and pid', t => {
  const directory = temporaryDirectory(t)
  for (const name of ['core', 'core.77', 'dump-77-%']) writeFileSync(join(directory, name), '')
  const find = (pattern: string, usesPid = false): string | false | undefined => coreFile('SIGSEGV', 77, directory, 0, { pattern, usesPid })
  t.is(find('core'), join(directory, 'core'))
  t.is(find('core', true), join(directory, 'core.77'))
  t.is(find('dump-%p-%%', true), join(directory, 'dump-77-%'))
  t.is(find(join(directory, 'core.%p')), join(directory, 'core.77'))
  t.is(find('other'), false)
  t.is(find(''), false)
})

test('core file: not known where a program takes it, or the name has more in it', t => {
  const find = (signal: string | undefined, pattern: string): string | false | undefined => coreFile(signal, 77, '/', 0, { pattern, usesPid: false })
  t.is(find('SIGSEGV', '|/lib/systemd/systemd-coredump %P'), undefined)
  t.is(find('SIGSEGV', 'core.%e'), undefined)
  t.is(find('SIGKILL', '|/lib/systemd/systemd-coredump %P'), false, 'that signal writes none')
  t.is(find(undefined, 'core'), false)
})

test('core file: an older one is another\'s', t => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'core')
  writeFileSync(path, '')
  utimesSync(path, 1000, 1000)
  t.is(coreFile('SIGABRT', 1, directory, 1_000_021, { pattern: 'core', usesPid: false }), false)
  t.is(coreFile('SIGABRT', 1, directory, 1_000_020, { pattern: 'core', usesPid: false }), path)
})

test('core file: not known where the directory cannot be looked into', t => {
  const directory = temporaryDirectory(t)
  // Closed to root too.
  symlinkSync('loop', join(directory, 'loop'))
  t.is(coreFile('SIGABRT', 1, join(directory, 'loop'), 0, { pattern: 'core', usesPid: false }), undefined)
})
