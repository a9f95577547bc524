import test from 'ava'
import { formatLogLine, isAtLeast, parseLogLine } from '../../cli/log-line.ts'

const time = new Date(2026, 0, 31, 9, 5, 7, 42).getTime()

function shown(entry: object): string {
  const line = JSON.stringify(entry)
  return formatLogLine(line, parseLogLine(line))
}

test('log line: time, level, actor, text, then the other fields', t => {
  t.is(shown({ level: 40, time, actor: 'agent.tail', msg: 'exited', code: 1, how: { signal: null } }), '09:05:07.042  warn   agent.tail  exited  code=1  how={"signal":null}')
})

test('log line: levels may be words, times may be text, both may be missing', t => {
  t.is(shown({ level: 'error', time: new Date(time).toISOString(), msg: 'x' }), '09:05:07.042  error  x')
  t.is(shown({ msg: 'x' }), '-  info   x')
  t.is(shown({ level: 60, time, msg: 'x' }), '09:05:07.042  error  x')
})

test('log line: what is no entry is shown as it stands, without steering the terminal', t => {
  for (const line of ['plain text', '[1]', '"x"', '{"cut":']) t.is(formatLogLine(line, parseLogLine(line)), line)
  t.is(formatLogLine('\u001b[2J', undefined), '\\x1b[2J')
  t.is(shown({ level: 30, time, msg: '\u001b[2J', 'a\u0007': '\u0007' }), '09:05:07.042  info   \\x1b[2J  a\\x07=\\x07')
})

test('log line: a level takes those above it, and lines without one', t => {
  t.true(isAtLeast({ level: 40 }, 'warn'))
  t.true(isAtLeast({ level: 'error' }, 'warn'))
  t.false(isAtLeast({ level: 30 }, 'warn'))
  t.true(isAtLeast(undefined, 'error'))
})
