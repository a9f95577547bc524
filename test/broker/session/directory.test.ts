import test from 'ava'
import { Directory, type Member } from '../../../broker/session/directory.ts'

const member = (number: number, client: string, agent?: string): Member => ({ number, client, agent, session: `session-${number}` })

test('directory: finds a member under each of its addresses', t => {
  const directory = new Directory<Member>()
  const tail = member(1, 'tail-7', 'tail')
  directory.add(tail)
  t.is(directory.number(1), tail)
  t.is(directory.client('tail-7'), tail)
  t.is(directory.addressed('client', 'tail-7'), tail)
  t.is(directory.addressed('agent', 'tail'), tail)
  t.is(directory.addressed('session', 'session-1'), tail)
  t.is(directory.addressed('node', 'tail'), undefined)
})

test('directory: an address that was taken over stays with the newer member', t => {
  const directory = new Directory<Member>()
  const [older, newer] = [member(1, 'cli', 'tail'), member(2, 'cli', 'tail')]
  directory.add(older)
  directory.add(newer)
  directory.remove(older)
  t.is(directory.client('cli'), newer)
  t.is(directory.addressed('agent', 'tail'), newer)
  directory.remove(newer)
  t.is(directory.client('cli'), undefined)
  t.is(directory.size, 0)
})

test('directory: what belongs to an instance stands beside each other, and takes no address from it', t => {
  const directory = new Directory<Member>()
  const [named, beside] = [{ ...member(1, 'a', 'tail'), instance: 'tail' }, { ...member(2, 'b'), instance: 'tail' }]
  for (const each of [beside, named]) directory.add(each)
  t.deepEqual([...directory.ofInstance('tail')], [beside, named])
  t.is(directory.addressed('agent', 'tail'), named)
  directory.remove(named)
  t.deepEqual([...directory.ofInstance('tail')], [beside])
  t.is(directory.addressed('agent', 'tail'), undefined)
  directory.remove(beside)
  t.deepEqual([...directory.ofInstance('tail')], [])
})

test('directory: a name outlives its connection, for the latest thousand', t => {
  const directory = new Directory<Member>()
  const first = member(1, 'first')
  directory.add(first)
  directory.remove(first)
  t.is(directory.nameOf(1), 'first')
  for (let number = 2; number <= 1025; number++) {
    const one = member(number, `client-${number}`)
    directory.add(one)
    directory.remove(one)
  }
  t.is(directory.nameOf(1), 'conn-1')
  t.is(directory.nameOf(1025), 'client-1025')
})
