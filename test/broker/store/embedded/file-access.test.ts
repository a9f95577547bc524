import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const folder = new URL('../../../../broker/store/embedded/', import.meta.url).href
// Another user where the tests run as root, who may do everything: access() goes by the real one, so it takes a process.
const program = `import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { accessProblem } from '${folder}file-access.ts'
import { storeError } from '${folder}store-errors.ts'
const directory = process.argv[1]
if (process.getuid() === 0) process.setuid(65534)
const said = [accessProblem(directory) ?? 'nothing']
for (const [name, mode] of [['queues.db', 0o400], ['queues.db-shm', 0o000], ['queues.mark', 0o200], ['.', 0o500]]) {
  const path = join(directory, name)
  chmodSync(path, mode)
  // SQLITE_CANTOPEN, SQLITE_READONLY_DIRECTORY, and one of the file system.
  const errors = [{ errcode: 14 }, { errcode: 1544 }, { code: 'EACCES' }].map((error) => storeError(error, { backend: 'embedded', path: join(directory, 'queues.db') }).message)
  said.push(...new Set(errors))
  chmodSync(path, name === '.' ? 0o700 : 0o600)
}
console.log(JSON.stringify(said))`

test('file access: of a store that this user cannot work with the file is named, and what to do', (t) => {
  const parent = temporaryDirectory(t)
  const directory = join(parent, 'store')
  mkdirSync(directory)
  for (const name of ['queues.db', 'queues.db-shm', 'queues.mark', 'other']) writeFileSync(join(directory, name), '')
  chmodSync(join(directory, 'other'), 0o000)
  const owner = process.getuid!() === 0 ? 65534 : process.getuid!()
  if (owner === 65534) execFileSync('chown', ['-R', String(owner), parent])
  const said = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', program, directory], { encoding: 'utf8' })) as string[]
  const problem = (name: string, mode: string): string => `store.failed: the store embedded cannot do its work: ${join(directory, name)} cannot be read and written by this user (mode ${mode}, owner ${owner}); chmod or chown it`
  t.deepEqual(said, ['nothing', problem('queues.db', '0400'), problem('queues.db-shm', '0000'), problem('queues.mark', '0200'), problem('.', '0500')])
})

// The database is made by the user who then cannot write it; root may always.
const start = `import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Database } from '${folder}database.ts'
import { watchCommits } from '${folder}commit-watch.ts'
const directory = process.argv[1]
if (process.getuid() === 0) process.setuid(65534)
const database = join(directory, 'queues.db')
new Database(directory).close()
chmodSync(database, 0o400)
const said = []
for (const mode of [0o400, 0o600]) {
  chmodSync(database, mode)
  try {
    watchCommits(directory)
    new Database(directory).close()
    said.push('opened')
  } catch (error) {
    said.push(error.message)
  }
  said.push(readdirSync(directory).join())
}
console.log(JSON.stringify(said))`

test('file access: a start with a database that cannot be written left an index that cannot be, which kept later starts from working', (t) => {
  const parent = temporaryDirectory(t)
  const directory = join(parent, 'store')
  mkdirSync(directory)
  if (process.getuid!() === 0) execFileSync('chown', ['-R', '65534', parent])
  const [refused, left, opened] = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', start, directory], { encoding: 'utf8' })) as string[]
  t.regex(refused!, /queues\.db cannot be read and written by this user \(mode 0400, /)
  t.is(left, 'queues.db')
  t.is(opened, 'opened')
})
