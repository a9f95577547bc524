import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { createWhole, ensureToken, homeFromEnvironment, homePaths, prepareHome, writingHome } from '../../../broker/ground/home.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

test('home: CALLBOARD_HOME names it, otherwise it is below the user\'s directory', t => {
  t.is(homeFromEnvironment({ CALLBOARD_HOME: '/srv/broker/' }), '/srv/broker')
  t.is(homeFromEnvironment({ CALLBOARD_HOME: '' }), join(homedir(), '.callboard'))
  t.is(homeFromEnvironment({}), join(homedir(), '.callboard'))
})

test('home: paths are absolute', t => {
  t.is(homePaths('a').socket, join(process.cwd(), 'a/callboard.sock'))
})

test('home: it is made for its owner alone, with the folders in between', t => {
  const home = join(temporaryDirectory(t), 'a/b')
  const paths = prepareHome(home)
  t.is(statSync(paths.home).mode & 0o777, 0o700)
  t.is(statSync(paths.logs).mode & 0o777, 0o700)
  t.notThrows(() => prepareHome(home))
})

test('home: a directory that others may read is used as it is, one they may write to is refused with the remedy', t => {
  const home = temporaryDirectory(t)
  chmodSync(home, 0o755)
  prepareHome(home)
  t.is(statSync(home).mode & 0o777, 0o755)
  for (const mode of [0o770, 0o777, 0o1777]) {
    chmodSync(home, mode)
    t.throws(() => prepareHome(home), { message: /home\.unusable: .*others may write to it.*chmod 700/ })
  }
})

test('home: a file in its place, or on the way, is named', t => {
  const file = join(temporaryDirectory(t), 'file')
  writeFileSync(file, '')
  t.throws(() => prepareHome(file), { message: /home\.unusable: .*not a directory/ })
  t.throws(() => prepareHome(join(file, 'below')), { message: /home\.unusable: .*not a directory/ })
})

test('home: one without write permission is named', t => {
  const home = temporaryDirectory(t)
  mkdirSync(join(home, 'logs'))
  chmodSync(home, 0o555)
  const module = new URL('../../../broker/ground/home.ts', import.meta.url).href
  // Root may write everywhere, so the attempt runs as nobody then, in a process of its own.
  const script = `const { prepareHome } = await import(${JSON.stringify(module)})
    if (process.getuid() === 0) process.setuid(65534)
    try { prepareHome(process.argv[1]) } catch (error) { console.log(error.message) }`
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script, home], { encoding: 'utf8' })
  t.regex(stdout, /^home\.unusable: .*no permission/)
})

test('home: the token is made once, 256 bits, readable by its owner alone', t => {
  const paths = prepareHome(temporaryDirectory(t))
  const token = ensureToken(paths)
  t.is(Buffer.from(token, 'base64url').length, 32)
  t.is(statSync(paths.token).mode & 0o777, 0o600)
  t.is(readFileSync(paths.token, 'utf8'), `${token}\n`)
  chmodSync(paths.token, 0o644)
  t.is(ensureToken(paths), token)
  t.is(statSync(paths.token).mode & 0o777, 0o600)
  t.deepEqual(readdirSync(paths.home).toSorted(), ['logs', 'token'])
})

test('home: an empty token file is refused, not used as the empty password', t => {
  const paths = prepareHome(temporaryDirectory(t))
  writeFileSync(paths.token, '\n')
  t.throws(() => ensureToken(paths), { message: /home\.unusable: .*token file is empty/ })
})

test('home: a token that cannot be made is named', t => {
  const paths = homePaths(join(temporaryDirectory(t), 'missing'))
  t.throws(() => ensureToken(paths), { message: /home\.unusable: .*ENOENT/ })
})

test('home: a file made whole never replaces another', t => {
  const path = join(temporaryDirectory(t), 'file')
  t.true(createWhole(path, 'first'))
  t.false(createWhole(path, 'second'))
  t.is(readFileSync(path, 'utf8'), 'first')
})

test('home: a file that cannot be written is named, with what to do where the disk is full', t => {
  const paths = homePaths(temporaryDirectory(t))
  const full = (): void => writeFileSync('/dev/full', 'x')
  t.throws(() => writingHome(paths, join(paths.home, 'broker.json'), full), { code: 'home.unusable', message: /broker\.json cannot be written, as the disk or the quota is full; free some space there \(df -h / })
  t.throws(() => writingHome(paths, join(paths.home, 'no/file'), () => writeFileSync(join(paths.home, 'no/file'), 'x')), { code: 'home.unusable', message: /no\/file cannot be written: ENOENT/ })
  t.is(writingHome(paths, 'x', () => 7), 7)
})
