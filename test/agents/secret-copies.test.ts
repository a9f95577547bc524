import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { copySecrets, removeSecretCopies } from '../../agents/secret-copies.ts'
import { BrokerError } from '../../broker/ground/errors.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

interface Place {
  readonly folder: string
  /** Makes a file with a secret; its path. */
  readonly file: (name: string, content: string, mode?: number) => string
}

function place(t: ExecutionContext): Place {
  const root = temporaryDirectory(t)
  return {
    folder: join(root, 'run', 'secrets'),
    file: (name, content, mode = 0o600) => {
      writeFileSync(join(root, name), content)
      chmodSync(join(root, name), mode)
      return join(root, name)
    },
  }
}

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

test('secret copies: each is a file for its reader alone, told by a variable, and gone when it is removed', t => {
  const { folder, file } = place(t)
  const copies = copySecrets('lamp', { API_KEY: file('api', 'k3y-of-the-lamp\n'), PIN: file('pin', '0000', 0o400) }, folder)
  t.deepEqual(Object.keys(copies.environment), ['API_KEY_FILE', 'PIN_FILE'])
  t.deepEqual(copies.files.map(path => [readFileSync(path, 'utf8'), modeOf(path)]), [['k3y-of-the-lamp\n', '400'], ['0000', '400']])
  t.deepEqual(Object.values(copies.environment), copies.files)
  t.deepEqual([modeOf(folder), modeOf(join(copies.files[0]!, '..'))], ['700', '700'])
  copies.remove()
  t.deepEqual(readdirSync(folder), [])
})

test('secret copies: what is missing, open to others, empty or no file is refused by name, and nothing is left', t => {
  const { folder, file } = place(t)
  const good = file('good', 'good')
  mkdirSync(join(folder, '..'))
  const wrong: readonly [path: string, problem: RegExp][] = [
    ['/nowhere/key', /"lamp" cannot have its secret KEY: \/nowhere\/key cannot be read: ENOENT/],
    [file('open', 'x', 0o640), /KEY: others may read or write .*open \(mode 0640\); run chmod 600/],
    [file('empty', ''), /KEY: .*empty has 0 bytes/],
    [file('huge', 'x'.repeat(1024 * 1024 + 1)), /huge has 1048577 bytes/],
    [join(folder, '..'), /KEY: .*run is no file/],
  ]
  for (const [path, message] of wrong) {
    t.throws(() => copySecrets('lamp', { GOOD: good, KEY: path }, folder), { instanceOf: BrokerError, message })
    t.false(existsSync(folder))
  }
})

test('secret copies: where a copy cannot be written it is refused by the secret and the path', t => {
  const { file } = place(t)
  t.throws(() => copySecrets('lamp', { KEY: file('key', 'x') }, join(file('taken', 'x'), 'secrets')), { code: 'agent.secret', message: /secret KEY: no copy for it can be written at .*taken\/secrets: ENOTDIR/ })
})

test('secret copies: what an agent prints is masked line by line, the longest first, short words are left', t => {
  const { folder, file } = place(t)
  const { masks } = copySecrets('lamp', { SHORT: file('a', 'abc\n'), PART: file('b', 'abcdefgh'), PEM: file('c', '-----BEGIN-----\nabcdefghijkl\r\n-----END-----\n') }, folder)
  t.deepEqual(masks, [{ text: '-----BEGIN-----', shown: '[PEM]' }, { text: '-----END-----', shown: '[PEM]' }, { text: 'abcdefghijkl', shown: '[PEM]' }, { text: 'abcdefgh', shown: '[PART]' }])
})

test('secret copies: what a killed broker left is removed, also when there is nothing', t => {
  const { folder, file } = place(t)
  removeSecretCopies(folder)
  copySecrets('lamp', { KEY: file('key', 'k') }, folder)
  removeSecretCopies(folder)
  t.false(existsSync(folder))
})
