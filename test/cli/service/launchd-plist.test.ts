import { spawnSync } from 'node:child_process'
import test from 'ava'
import { launchdPlist } from '../../../cli/service/launchd-plist.ts'
import { markedChoice } from '../../../cli/service/service-spec.ts'
import { pythonTest } from '../../support/python.ts'

const home = '/Users/ada/100% & <my> "board" --x'
const spec = { scope: 'system', home, account: 'ada', command: ['/usr/local/bin/node', 'callboard.mjs', '--home', home, 'start'], path: '/usr/bin' } as const

pythonTest('launchd job: a parser of property lists reads the words as they were', t => {
  const { stdout, stderr } = spawnSync('python3', ['-c', 'import json, plistlib, sys; json.dump(plistlib.loads(sys.stdin.buffer.read()), sys.stdout)'], { input: launchdPlist(spec), encoding: 'utf8' })
  t.is(stderr, '')
  t.like(JSON.parse(stdout), {
    Label: 'callboard-gateway',
    ProgramArguments: [...spec.command],
    UserName: 'ada',
    EnvironmentVariables: { PATH: '/usr/bin' },
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    Umask: 0o077,
    StandardErrorPath: `${home}/logs/callboard.out`,
  })
})

test('launchd job: the choices that it was made of can be read from it', t => {
  // XML forbids two hyphens in a comment.
  t.false(/<!--.*--.*-->/.test(launchdPlist(spec)))
  t.deepEqual(markedChoice(launchdPlist(spec)), { home, account: 'ada' })
})
