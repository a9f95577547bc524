import test from 'ava'
import { isHarmlessNodeOptions, scriptArgument } from '../../../broker/security/script-argument.ts'

const found: [executable: string, args: string, script: string][] = [
  ['/usr/bin/node', 'a.js --require b.js', 'a.js'],
  ['/usr/bin/node', '--no-warnings --enable-source-maps a.js', 'a.js'],
  ['/usr/bin/node', '--title name a.js', 'a.js'],
  ['/usr/bin/node', '--title=name a.js', 'a.js'],
  ['/usr/bin/node', '--max_old_space_size=64 a.js', 'a.js'],
  ['/usr/bin/node', '-- --odd.js a.js', ''],
  ['/usr/bin/nodejs', '-- a.js', 'a.js'],
  ['/usr/bin/python3.11', '-u -B a.py -c x', 'a.py'],
  ['/usr/bin/python3', '-uB -X utf8 -Wignore a.py', 'a.py'],
  ['/usr/bin/python3', '-uX utf8 a.py', 'a.py'],
  ['/usr/bin/bash', 'a.sh b.sh', 'a.sh'],
]

for (const [executable, args, script] of found) {
  test(`script argument: ${executable} ${args} runs ${script || 'nothing that can be named'}`, t => t.is(scriptArgument(executable, args.split(' ')) ?? '', script))
}

const none: [executable: string, args: string][] = [
  ['/usr/bin/node', ''],
  ['/usr/bin/node', '-e 1 a.js'],
  ['/usr/bin/node', '-p 1 a.js'],
  ['/usr/bin/node', '--eval=1 a.js'],
  ['/usr/bin/node', '-r evil.js a.js'],
  ['/usr/bin/node', '--require evil.js a.js'],
  ['/usr/bin/node', '--require=evil.js a.js'],
  ['/usr/bin/node', '--import evil.js a.js'],
  ['/usr/bin/node', '--env-file=x a.js'],
  ['/usr/bin/node', '--inspect a.js'],
  ['/usr/bin/node', '--preserve-symlinks-main a.js'],
  // A flag that is not known may take the next argument as its value.
  ['/usr/bin/node', '--flag-of-tomorrow a.js evil.js'],
  ['/usr/bin/node', '--title'],
  ['/usr/bin/python3', '-c 1 a.py'],
  ['/usr/bin/python3', '-m a a.py'],
  ['/usr/bin/python3', '-um a a.py'],
  ['/usr/bin/python3', '-i a.py'],
  ['/usr/bin/python3', '- a.py'],
  ['/usr/bin/python3', '--check-hash-based-pycs always a.py'],
  ['/usr/bin/bash', '-c a.sh'],
  ['/usr/bin/bash', '--rcfile evil a.sh'],
  // Named like Node, but it is not known to read its arguments like Node.
  ['/usr/bin/node-other', '--title a.js'],
]

for (const [executable, args] of none) {
  test(`script argument: ${executable} ${args} has none that counts`, t => t.is(scriptArgument(executable, args === '' ? [] : args.split(' ')), undefined))
}

test('script argument: NODE_OPTIONS may set things, not bring in code', t => {
  for (const options of ['', ' ', '--no-warnings', '--max-old-space-size=64 --enable-source-maps', '--title x']) t.true(isHarmlessNodeOptions(options), options)
  for (const options of ['--require ./evil.js', '--no-warnings --import=evil.mjs', '-r evil', '--flag-of-tomorrow', 'evil.js']) t.false(isHarmlessNodeOptions(options), options)
})
