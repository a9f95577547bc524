import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { LossyDisk } from './power-loss.ts'
import { seededRandom } from './seeded-random.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const HOME = '/disk'
const file = `${HOME}/a`
const open = { kind: 'open', path: file, isCreated: true, isEmptied: false } as const
const write = (text: string, at?: number) => ({ kind: 'write', path: file, fd: 5, bytes: Buffer.from(text), at }) as const
const sync = { kind: 'sync', path: file } as const

test('lossy disk: what was synced is there, what was written since is not, or sector by sector', t => {
  const directory = temporaryDirectory(t)
  const disk = new LossyDisk(HOME)
  for (const call of [open, write('old '), sync, write('new'), write('OLD', 0)]) t.true(disk.apply(call))
  t.false(disk.apply({ ...sync, path: '/elsewhere/a' }))
  disk.image(join(directory, 'strict'), undefined)
  t.is(readFileSync(join(directory, 'strict', 'a'), 'latin1'), 'old ')
  const seen = new Set<string>()
  for (let seed = 0; seed < 60; seed++) {
    disk.image(join(directory, `${seed}`), seededRandom(seed))
    seen.add(readFileSync(join(directory, `${seed}`, 'a'), 'latin1'))
  }
  t.deepEqual([...seen].toSorted(), ['OLD ', 'OLD new', 'old ', 'old new'])
  disk.apply(sync)
  disk.image(join(directory, 'synced'), undefined)
  t.is(readFileSync(join(directory, 'synced', 'a'), 'latin1'), 'OLD new')
})

test('lossy disk: a file that nobody synced, or whose removal nobody did, may be there or not', t => {
  const directory = temporaryDirectory(t)
  const disk = new LossyDisk(HOME)
  const isThere = (name: string): boolean => {
    disk.image(join(directory, name), undefined)
    return existsSync(join(directory, name, 'a'))
  }
  disk.apply(open)
  disk.apply(write('text'))
  t.false(isThere('made'))
  disk.apply({ kind: 'sync', path: HOME })
  t.true(isThere('named'))
  t.is(readFileSync(join(directory, 'named', 'a'), 'latin1'), '', 'a synced directory keeps names, not contents')
  disk.apply({ kind: 'remove', path: file })
  t.true(isThere('removed'))
  disk.apply({ kind: 'sync', path: HOME })
  t.false(isThere('gone'))
})

test('lossy disk: a file that was cut and grows again has zeros where nobody wrote', t => {
  const directory = temporaryDirectory(t)
  const disk = new LossyDisk(HOME)
  for (const call of [open, write('0123456789'), sync, { kind: 'truncate', path: file, size: 2 } as const, write('x', 4), sync]) disk.apply(call)
  disk.image(join(directory, 'image'), undefined)
  t.is(readFileSync(join(directory, 'image', 'a'), 'latin1'), '01\0\0x')
})
