import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { runCallboard } from '../support/run-callboard.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('completion: bash offers commands, options and values at their place', async t => {
  const complete = await bash(t)
  t.deepEqual(complete('callboard st'), ['start', 'status', 'stop'])
  t.deepEqual(complete('callboard ipc channel '), ['--help', '--home', '--json', '--version', 'create', 'delete', 'help', 'list', 'show'])
  t.deepEqual(complete('callboard --home /tmp ipc channel cr'), ['create'])
  t.deepEqual(complete('callboard gateway tr'), ['trace'])
  t.deepEqual(complete('callboard agent r'), ['restart'])
  t.deepEqual(complete('callboard gateway latency --perc'), ['--percentiles'])
  t.deepEqual(complete('callboard top --sort r'), ['rate', 'restarts'])
  t.deepEqual(complete('callboard agent top --sort r'), ['requests', 'restarts'])
  t.deepEqual(complete('callboard ipc subscribe --ch'), ['--channel'])
  t.deepEqual(complete('callboard ipc channel create --name x --mode '), ['broadcast', 'pubsub', 'queue'])
  t.deepEqual(complete('callboard completion '), ['--help', '--home', '--json', '--version', 'bash', 'fish', 'zsh'])
  t.deepEqual(complete('callboard nonsense xyz'), [])
})

test('completion: the other shells know every command and option too', async t => {
  const home = temporaryDirectory(t)
  for (const shell of ['zsh', 'fish']) {
    const { stdout, exit } = await runCallboard(t, ['completion', shell], { home })
    t.is(exit, 0)
    for (const word of ['ipc channel create', 'subscribe', 'doctor', 'group', 'pubsub']) t.true(stdout.includes(word), `${shell}: ${word}`)
  }
})

test('completion: a shell without one is refused with those that have one', async t => {
  const { stderr, exit } = await runCallboard(t, ['completion', 'constructor'], { home: temporaryDirectory(t) })
  t.is(exit, 2)
  t.regex(stderr, /no completion for the shell "constructor"\nhint: .*bash, zsh, fish/)
})

async function bash(t: ExecutionContext): Promise<(line: string) => string[]> {
  const home = temporaryDirectory(t)
  const { stdout } = await runCallboard(t, ['completion', 'bash'], { home })
  const path = join(home, 'completion.bash')
  writeFileSync(path, stdout)
  // What readline does: the words of the line, the last of them under the cursor.
  const script = 'source "$1"; COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _callboard; printf "%s\\n" "${COMPREPLY[@]}"'
  return line => {
    const { stdout: replies, stderr } = spawnSync('bash', ['-c', script, 'bash', path, ...line.split(' ')], { encoding: 'utf8' })
    t.is(stderr, '')
    return replies.split('\n').filter(reply => reply !== '').toSorted()
  }
}
