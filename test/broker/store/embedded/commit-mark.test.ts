import { randomBytes } from 'node:crypto'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { CommitMark, peekMark, type Noted } from '../../../../broker/store/embedded/commit-mark.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

const store = randomBytes(16)

function marked(t: ExecutionContext, work: (mark: CommitMark) => void): string {
  const path = join(temporaryDirectory(t), 'queues.mark')
  const mark = new CommitMark(path, store)
  work(mark)
  mark.close()
  return path
}

function noted(path: string): Noted {
  const state = peekMark(path, store)
  if (typeof state === 'string') throw new Error(`the mark is ${state}`)
  return state
}

test('commit mark: the last commit, the last synced one and the last positions are known again', t => {
  const path = marked(t, mark => {
    t.is(mark.state, 'none')
    mark.position(1, 10)
    mark.position(2, 2 ** 40)
    mark.note(1, true)
    mark.position(1, 11)
    mark.note(2, false)
    mark.note(3, false)
  })
  t.deepEqual(noted(path), { epoch: 3, syncedEpoch: 1, isSameBoot: true, isHalf: false, lastPositions: new Map([[1, 11], [2, 2 ** 40]]) })
  const again = new CommitMark(path, store)
  again.note(4, false)
  again.close()
  t.like(noted(path), { epoch: 4, syncedEpoch: 1 })
  t.is(noted(path).lastPositions.get(1), 11, 'what was noted before stays')
  t.is(statSync(path).mode & 0o777, 0o600)
})

test('commit mark: a damaged slot costs one commit, two of them are told', t => {
  const path = marked(t, mark => {
    for (let epoch = 1; epoch <= 6; epoch++) mark.note(epoch, true)
  })
  const bytes = readFileSync(path)
  const newest = noted(path).epoch === bytes.readDoubleLE(8) ? 0 : 65536
  bytes[newest + 10]! ^= 1
  writeFileSync(path, bytes)
  t.like(noted(path), { epoch: 5, isHalf: true })
  bytes.fill(0, newest, newest + 65536)
  writeFileSync(path, bytes)
  t.like(noted(path), { epoch: 5, isHalf: true }, 'zeros are damage, too, where something was written')
  bytes[newest + 10] = 1
  bytes[65536 - newest + 10]! ^= 1
  writeFileSync(path, bytes)
  t.is(peekMark(path, store), 'damaged')
  writeFileSync(path, bytes.subarray(0, 100))
  t.is(peekMark(path, store), 'damaged')
  writeFileSync(path, '')
  t.is(peekMark(path, store), 'damaged')
})

test('commit mark: the mark of another store says nothing about this one', t => {
  const path = marked(t, mark => mark.note(9, true))
  t.is(peekMark(path, randomBytes(16)), 'foreign')
  t.is(peekMark(`${path}.not`, store), 'none')
})

test('commit mark: of more queues than a slot holds, those noted last are in it', t => {
  const path = marked(t, mark => {
    for (let queue = 1; queue <= 6000; queue++) mark.position(queue, queue * 10)
    mark.note(1, true)
  })
  const { lastPositions } = noted(path)
  t.true(lastPositions.size > 5000)
  t.is(lastPositions.get(6000), 60_000)
  t.is(lastPositions.get(1), undefined)
})
