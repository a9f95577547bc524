import test from 'ava'
import { configure } from '../../../cli/nats-server/configure.ts'
import { parseFlags } from '../../../cli/nats-server/flags.ts'
import { Failure } from '../../../cli/failure.ts'

const read = (...words: string[]): unknown => Object.fromEntries(parseFlags(words).values)

test('flags: one dash or two, a value behind it or behind an equals sign', t => {
  for (const words of [['-p', '4'], ['--p', '4'], ['-port', '4'], ['--port', '4'], ['-p=4'], ['--port=4']]) t.deepEqual(read(...words), { port: 4 }, words.join(' '))
  t.deepEqual(read('-a', 'h', '--net=i', '-c', 'f', '-P', 'x', '--ports_file_dir', '/d', '-p', '-1'), { addr: 'i', config: 'f', pid: 'x', ports_file_dir: '/d', port: -1 })
})

test('flags: switches take a value only behind an equals sign, and are words of their own', t => {
  t.deepEqual(read('-DV', '-js', '-T=false', '--debug=1'), { DV: true, jetstream: true, logtime: false, debug: true })
  const { values, words } = parseFlags(['-D', 'false', '-p', '4'])
  t.deepEqual([Object.fromEntries(values), words], [{ debug: true }, ['false', '-p', '4']])
})

test('flags: what stands behind -- or a word that is no flag is left', t => {
  t.deepEqual(parseFlags(['-D', '--', '-p']).words, ['-p'])
  t.deepEqual(parseFlags(['version']).words, ['version'])
})

test('flags: a port that is none is refused before anything starts', t => {
  for (const [words, message] of [
    [['-p', '99999'], '--port is 99999; allowed: 0 to 65535, or -1 for any that is free'],
    [['-m', '65536'], '--http_port is 65536; allowed: 0 to 65535, or -1 for any that is free'],
    [['-p', '-2'], '--port is -2; allowed: 0 to 65535, or -1 for any that is free'],
  ] as const) t.throws(() => configure(parseFlags(words)), { instanceOf: Failure, message }, words.join(' '))
  t.is(configure(parseFlags(['-p', '-1'])).options.port, -1)
  t.is(configure(parseFlags(['-p', '65535'])).options.port, 65_535)
})

for (const [words, message] of [
  [['-nope'], 'flag provided but not defined: -nope'],
  [['--check'], 'flag provided but not defined: -check'],
  [['-p'], 'flag needs an argument: -p'],
  [['-p', 'x'], 'invalid value "x" for flag -p: parse error'],
  [['-D=maybe'], 'invalid boolean value "maybe" for -D: parse error'],
  [['---p'], 'bad flag syntax: ---p'],
] as const) {
  test(`flags: ${words.join(' ')} is refused in the words of Go's flags`, t => {
    t.throws(() => parseFlags(words), { instanceOf: Failure, message })
  })
}
