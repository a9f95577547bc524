import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { planOf, type SandboxPlan } from '../../../agents/sandbox/plan.ts'
import { noSandbox } from '../../../broker/ground/sandbox.ts'
import { errorCode } from '../../support/error-code.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

interface Place {
  readonly root: string
  readonly home: string
  readonly plan: (files?: { read?: string[]; write?: string[] }, launch?: { command?: string; directory?: string; path?: string; secrets?: string[] }) => SandboxPlan
}

/** `ROOT/home` is the broker's, `ROOT/work` the agent's. */
function place(t: ExecutionContext): Place {
  const root = temporaryDirectory(t)
  const home = join(root, 'home')
  for (const name of ['home', 'home/agents', 'work', 'lib']) mkdirSync(join(root, name))
  return {
    root,
    home,
    plan: ({ read = [], write = [] } = {}, { command = '/bin/sh', directory = join(root, 'work'), path = '/usr/bin', secrets = [] } = {}) =>
      planOf('a', { command, args: [], directory, environment: { PATH: path, CALLBOARD_SOCKET: join(home, 'callboard.sock') } }, { ...noSandbox, level: 'restricted', files: { read, write } }, home, { kind: 'none' }, secrets),
  }
}

test('sandbox plan: an agent reads where it starts, unless the broker\'s home is there', t => {
  const { root, home, plan } = place(t)
  t.true(plan().read.includes(join(root, 'work')))
  for (const directory of [home, root]) t.false(plan({}, { directory }).read.includes(directory))
  t.true(plan({}, { directory: join(home, 'agents') }).read.includes(join(home, 'agents')), 'below the home is not around it')
  t.is(plan().socketDirectory, home)
})

test('sandbox plan: what holds the broker\'s home is refused by name, also behind a link; what lies in it is not', async t => {
  const { root, home, plan } = place(t)
  symlinkSync(root, join(root, 'lib/around'))
  for (const path of [home, root, '/', join(root, 'lib/around')]) {
    for (const files of [{ read: [path] }, { write: [path] }]) {
      const code = await errorCode((async () => plan(files))())
      t.is(code, 'sandbox.invalid', path)
    }
  }
  t.true(plan({ write: [join(home, 'agents')] }).write.includes(join(home, 'agents')))
  // `home-other` begins with the same letters.
  mkdirSync(`${home}-other`)
  t.true(plan({ read: [`${home}-other`] }).read.includes(`${home}-other`))
})

test('sandbox plan: where a secret of the broker lies, an agent that starts there reads what stands beside it', t => {
  const { root, plan } = place(t)
  const work = join(root, 'work')
  for (const name of ['keys', 'keys/old', 'src']) mkdirSync(join(work, name))
  for (const name of ['agent.ts', 'keys/tls.pem', 'keys/public.pem', 'keys/old/tls.pem']) writeFileSync(join(work, name), '')
  for (const [name, target] of [['again', '.'], ['source', 'src'], ['elsewhere', join(root, 'lib')], ['config.yaml', join(root, 'lib/config')], ['token', 'keys/old/tls.pem']]) symlinkSync(target!, join(work, name!))
  writeFileSync(join(root, 'lib/config'), '')
  const secrets = [join(work, 'config.yaml'), join(work, 'keys/tls.pem'), join(work, 'token')]
  const inWork = (from: SandboxPlan): string[] => from.read.filter(path => path.startsWith(work)).toSorted()
  t.deepEqual(inWork(plan({}, { secrets })), ['agent.ts', 'keys/public.pem', 'source', 'src'].map(name => join(work, name)))
  t.deepEqual(inWork(plan({}, { secrets, directory: join(work, 'src') })), [join(work, 'src')])
  t.deepEqual(inWork(plan({}, { secrets: [work], directory: join(work, 'src') })), [], 'in a directory that is a secret as a whole')
})

test('sandbox plan: a secret of the broker is refused by name, also by what holds it', t => {
  const { root, plan } = place(t)
  const secret = join(root, 'lib/key')
  writeFileSync(secret, '')
  writeFileSync(join(root, 'lib/code'), '')
  for (const path of [secret, join(root, 'lib')]) t.throws(() => plan({ read: [path] }, { secrets: [secret] }), { message: /sandbox\.invalid.*lib\/key, a secret of the broker/ })
  t.throws(() => plan({ read: [secret] }, { secrets: [join(root, 'lib')] }), { message: /sandbox\.invalid/ }, 'in a store')
  t.true(plan({ read: [join(root, 'lib/code')] }, { secrets: [secret] }).read.includes(join(root, 'lib/code')))
})

test('sandbox plan: an agent that starts beside a secret and very much else is told to start elsewhere', t => {
  const { root, plan } = place(t)
  for (let count = 0; count <= 1001; count++) writeFileSync(join(root, 'work', String(count)), '')
  t.throws(() => plan({}, { secrets: [join(root, 'work/0')] }), { message: /sandbox\.invalid.*work\/0 lies.*give it a cwd/ })
})

test('sandbox plan: a path that does not exist is refused by name', t => {
  const { root, plan } = place(t)
  t.throws(() => plan({ read: [join(root, 'none')] }), { message: /sandbox\.invalid.*none, which does not exist/ })
})

test('sandbox plan: a link gives what it leads to as well', t => {
  const { root, plan } = place(t)
  symlinkSync(join(root, 'lib'), join(root, 'work/link'))
  const { read } = plan({ read: [join(root, 'work/link')] })
  t.true(read.includes(join(root, 'work/link')) && read.includes(join(root, 'lib')))
})

test('sandbox plan: the program is found as the system would find it, and may be read', t => {
  const { root, plan } = place(t)
  writeFileSync(join(root, 'lib/tool'), '', { mode: 0o755 })
  writeFileSync(join(root, 'work/tool'), '', { mode: 0o644 })
  const found = plan({}, { command: 'tool', path: `${join(root, 'work')}:${join(root, 'lib')}` })
  t.is(found.program, join(root, 'lib/tool'), 'the first that can be executed')
  t.true(found.read.includes(join(root, 'lib/tool')))
  t.is(plan({}, { command: './tool' }).program, join(root, 'work/tool'))
  t.is(plan({}, { command: 'nothing-of-this-name' }).program, 'nothing-of-this-name')
})
