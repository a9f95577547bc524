import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'

const file = join(import.meta.dirname, '../../bench/main.ts')

test('bench: what cannot be measured is said with the usage and exit 2, in every mode, before anything runs', t => {
  for (const [args, expected] of [
    [['Z'], /no workload "Z"/],
    [['ws', 'start'], /Unix socket/],
    [['isolation', '--rate', '0'], /--rate 0: expected a number of 1\.\.1000000/],
    [['isolation', 'A'], /Unexpected argument 'A'/],
    [['recorder', 'E'], /E sends no messages/],
    [['recorder', '--runs', '0'], /--runs 0/],
  ] as const) {
    const { status, stderr } = spawnSync(process.execPath, [file, ...args], { encoding: 'utf8' })
    t.is(status, 2, stderr)
    t.regex(stderr, expected)
    t.regex(stderr, /npm run bench -- isolation/)
  }
})
