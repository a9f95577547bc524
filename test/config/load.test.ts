import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { defaultSettings } from '../../broker/ground/settings.ts'
import { ConfigError } from '../../config/error.ts'
import { CONFIG_NAMES, loadConfig, loadConfigOf } from '../../config/load.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('load config: without a file the defaults hold and paths start at the home', async t => {
  const home = temporaryDirectory(t)
  t.deepEqual(await loadConfigOf({ home }), { settings: defaultSettings, warnings: [], directory: home })
  t.deepEqual(await loadConfigOf({ home: join(home, 'not-there-yet') }), { settings: defaultSettings, warnings: [], directory: join(home, 'not-there-yet') })
})

test('load config: each of the names is found in the home', async t => {
  for (const name of CONFIG_NAMES) {
    const home = temporaryDirectory(t)
    writeFileSync(join(home, name), '{"log": {"level": "warn"}, "ipc": {"socket": "x.sock"}}')
    const { settings, directory } = await loadConfigOf({ home })
    t.is(settings.log.level, 'warn', name)
    t.is(settings.ipc.socket, join(home, 'x.sock'))
    t.is(directory, home)
  }
})

test('load config: two in the home are an error that names both', async t => {
  const home = temporaryDirectory(t)
  for (const name of ['config.json', 'config.yaml']) writeFileSync(join(home, name), '{}')
  await t.throwsAsync(loadConfigOf({ home }), { instanceOf: ConfigError, message: `config.invalid: ${home}: holds config.json and config.yaml; keep one of them` })
})

test('load config: a file that is given goes before those of the home', async t => {
  const home = temporaryDirectory(t)
  const elsewhere = temporaryDirectory(t)
  for (const name of ['config.json', 'config.yaml']) writeFileSync(join(home, name), 'not read')
  writeFileSync(join(elsewhere, 'fleet.yml'), 'agents: [{name: a, command: node, cwd: work}]')
  const { settings, directory } = await loadConfigOf({ home, file: join(elsewhere, 'fleet.yml') })
  t.is(settings.agents[0]?.cwd, join(elsewhere, 'work'))
  t.is(directory, elsewhere)
})

test('load config: what cannot be read is told with the reason', async t => {
  const home = temporaryDirectory(t)
  const at = (name: string): string => join(home, name)
  mkdirSync(at('directory.yaml'))
  writeFileSync(at('big.yaml'), Buffer.alloc(10 * 1024 * 1024, '#'))
  writeFileSync(at('latin1.json'), Buffer.from([0x7b, 0x22, 0xe4, 0x22, 0x3a, 0x31, 0x7d]))
  writeFileSync(at('empty.json'), '')
  symlinkSync('/proc/self/mem', at('memory.json'))
  symlinkSync('/dev/null', at('device.json'))
  const texts: [name: string, text: string | RegExp][] = [
    ['none.json', 'there is no such file'],
    ['directory.yaml', 'is a directory; name the file in it'],
    ['device.json', 'is not a regular file'],
    ['big.yaml', 'has 10,485,760 bytes, at most 2,097,152 are read; is this the configuration?'],
    ['latin1.json', 'is not UTF-8 text'],
    ['empty.json', 'the file is empty; write {} for the defaults, or remove it'],
    ['fleet.toml', 'the name of a configuration ends in .json, .jsonc, .yaml or .yml'],
  ]
  for (const [name, text] of texts) await t.throwsAsync(loadConfig(at(name)), { instanceOf: ConfigError, message: `config.invalid: ${at(name)}: ${text}` })
  await t.throwsAsync(loadConfig(at('memory.json')), { instanceOf: ConfigError, message: /memory\.json: cannot be read: EIO/ })
})

test('load config: a file without read permission is told so', async t => {
  const home = temporaryDirectory(t)
  const path = join(home, 'closed.json')
  writeFileSync(path, '{}')
  chmodSync(path, 0o200)
  // The mode does not stop root.
  if (process.getuid?.() === 0) t.deepEqual((await loadConfig(path)).settings, defaultSettings)
  else await t.throwsAsync(loadConfig(path), { message: `config.invalid: ${path}: cannot be read; check its mode and owner` })
})

for (const text of ['principals: [{name: p, token: abcdefghijklmnop}]', 'telemetry: {headers: {authorization: abcdefghijklmnop}}']) test(`load config: secrets in a file that others may read are warned of: ${text.slice(0, 10)}`, async t => {
  const path = join(temporaryDirectory(t), 'config.yaml')
  writeFileSync(path, text)
  for (const [mode, count] of [[0o600, 0], [0o640, 1], [0o604, 1]] as const) {
    chmodSync(path, mode)
    const { warnings } = await loadConfig(path)
    t.is(warnings.length, count)
    t.false(warnings.join().includes('abcdefghijklmnop'))
  }
})

test('load config: problems name the file as it was given', async t => {
  const path = join(temporaryDirectory(t), 'config.yaml')
  writeFileSync(path, 'log:\n  level: loud\n')
  await t.throwsAsync(loadConfig(path), { instanceOf: ConfigError, message: `config.invalid: ${path}:2:10: log.level is "loud"; allowed: one of debug, info, warn, error` })
})
