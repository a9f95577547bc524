import { readFileSync } from 'node:fs'
import test from 'ava'
import { findUser } from '../../agents/unix-user.ts'

const entry = (file: string, name: string): string[] => readFileSync(file, 'utf8').split('\n').map(line => line.split(':')).find(fields => fields[0] === name)!

test('unix user: by name and by number it is the same one, with main group and home', t => {
  const [, , , gid, , home] = entry('/etc/passwd', 'root')
  t.deepEqual(findUser('root', undefined), { name: 'root', uid: 0, gid: Number(gid), home: home! })
  t.deepEqual(findUser('0', undefined), findUser('root', undefined))
})

test('unix user: a group goes before the main one, by name and by number', t => {
  const [group, , gid] = entry('/etc/group', 'nogroup') ?? entry('/etc/group', 'nobody')
  t.is(findUser('root', group).gid, Number(gid))
  t.is(findUser('root', '4711').gid, 4711)
})

test('unix user: a number that nobody has needs a group; names that nobody has are refused', t => {
  t.deepEqual(findUser('4294967', '7'), { name: undefined, uid: 4_294_967, gid: 7, home: '/' })
  t.throws(() => findUser('4294967', undefined), { message: /name one with group/ })
  t.throws(() => findUser('nobody-here', undefined), { message: /no user "nobody-here"/ })
  t.throws(() => findUser('root', 'nobody-here'), { message: /no group "nobody-here"/ })
  t.throws(() => findUser('4294967295', '7'), { message: /no user/ }, 'which would mean: leave it as it is')
})
