import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../../../broker/ground/errors.ts'
import { abandonBackup, checkBackup, extractDatabase, publishBackup, reserveBackup, type BackupContents } from '../../../../broker/store/embedded/backup-file.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const ignore = (): void => {}
const about = { createdAtMs: 1_795_000_000_000, broker: 'abcdefabcdef', queues: [{ name: 'orders', messages: 3, deadLetters: 0 }], damaged: 0, files: { 'channels.json': '{"channels":[]}' } }

function written(t: ExecutionContext): { path: string; contents: BackupContents } {
  const path = join(temporaryDirectory(t), 'some.backup')
  const db = new DatabaseSync(reserveBackup(path))
  db.exec('CREATE TABLE rows (id INTEGER PRIMARY KEY, text TEXT)')
  db.exec(`INSERT INTO rows VALUES (1, 'one'), (2, 'two'), (3, 'three')`)
  db.close()
  return { path, contents: publishBackup(path, about, ignore) }
}

test('backup file: it holds a database and what else was given, and says so after a check', t => {
  const { path, contents } = written(t)
  t.like(contents, about)
  t.deepEqual(checkBackup(path, ignore), contents)
  t.is(statSync(path).mode & 0o777, 0o600)
  t.false(existsSync(`${path}.part`))
  const to = join(temporaryDirectory(t), 'queues.db')
  extractDatabase(path, contents, to)
  t.is(statSync(to).size, contents.databaseBytes)
  for (const file of [path, to]) {
    const db = new DatabaseSync(file, { readOnly: true })
    t.is(db.prepare('SELECT count(*) AS count FROM rows').get()!['count'], 3, `${file} opens with SQLite`)
    t.is(db.prepare('PRAGMA integrity_check').get()!['integrity_check'], 'ok')
    db.close()
  }
})

test('backup file: one changed, missing or added byte is found, wherever it is', t => {
  const { path } = written(t)
  const whole = readFileSync(path)
  const refusal = (bytes: Buffer): string => {
    writeFileSync(path, bytes)
    return BrokerError.from(t.throws(() => checkBackup(path, ignore))).code
  }
  for (let at = 0; at < whole.length; at += 97) {
    const changed = Buffer.from(whole)
    changed[at]! ^= 1 << (at % 8)
    t.is(refusal(changed), 'backup.invalid', `byte ${at}`)
  }
  for (let at = whole.length - 60; at < whole.length; at++) {
    const changed = Buffer.from(whole)
    changed[at]! ^= 0x80
    t.is(refusal(changed), 'backup.invalid', `byte ${at}`)
  }
  for (const length of [0, 1, 51, 52, 4096, whole.length - 1]) t.is(refusal(whole.subarray(0, length)), 'backup.invalid', `${length} bytes`)
  t.is(refusal(Buffer.concat([whole, Buffer.from('x')])), 'backup.invalid')
  t.is(refusal(Buffer.concat([whole.subarray(0, 100), whole])), 'backup.invalid')
  writeFileSync(path, whole)
  t.notThrows(() => checkBackup(path, ignore))
})

test('backup file: a file that exists is never overwritten, and nothing is left of a backup that failed', t => {
  const directory = temporaryDirectory(t)
  const path = join(directory, 'mine')
  writeFileSync(path, 'precious')
  t.throws(() => reserveBackup(path), { message: /a file of that name exists/ })
  t.is(readFileSync(path, 'utf8'), 'precious')
  t.throws(() => reserveBackup(join(directory, 'no', 'where')), { message: /cannot be used.*ENOENT/ })
  const other = join(directory, 'other')
  writeFileSync(reserveBackup(other), 'half')
  abandonBackup(other)
  t.false(existsSync(other) || existsSync(`${other}.part`))
  t.throws(() => checkBackup(join(directory, 'none'), ignore), { message: /cannot be used.*ENOENT/ })
})
