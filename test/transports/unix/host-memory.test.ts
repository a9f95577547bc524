import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import test from 'ava'
import { encodeLent } from '../../../broker/wire/lent.ts'
import { HostMemory, type HostMemoryOptions } from '../../../transports/unix/host-memory.ts'
import { recordedLog } from '../../support/recorded-log.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const memoryIn = (root: string, more: Partial<HostMemoryOptions> = {}): HostMemory => new HostMemory({ broker: 'a1b2c3d4', thresholdBytes: 1000, limitBytes: 100_000, maxTakenBytes: 100_000, aheadBytes: 100_000, lentFrame: encodeLent, log: recordedLog(), root, ...more })

test('host memory: what dead brokers of this user left is removed, what others have stays', t => {
  const root = temporaryDirectory(t)
  const running = memoryIn(root)
  const own = basename(running.directory!)
  const [, , stamp] = own.split('-')
  const [pid, ticks, namespace] = stamp!.split('.')
  const dead = Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }))
  const named = (words: string): string => `callboard-ffffffff-${words}-00ff`
  const gone = [named(`${dead}.${ticks}.${namespace}`), named(`${pid}.${Number(ticks) + 1}.${namespace}`)]
  const kept = [own, named(`${dead}.${ticks}.1`), 'callboard', `callboard-ffffffff`, 'somebody-ffffffff-1.2.3-00ff']
  for (const name of [...gone, ...kept]) mkdirSync(join(root, name), { recursive: true })
  writeFileSync(join(root, gone[0]!, 's1'), 'left')
  memoryIn(root).removeLeftovers()
  t.deepEqual(readdirSync(root).toSorted(), kept.toSorted())
  running.close()
  t.false(existsSync(join(root, own)))
})

test('host memory: large pieces are lent once for all links of a turn, small ones pass', async t => {
  const memory = memoryIn(temporaryDirectory(t))
  t.teardown(() => memory.close())
  t.truthy(memory.directory)
  const [small, large] = [new Uint8Array(999), new Uint8Array(1000)]
  const pieces = memory.wrap([small, large])
  t.is(pieces[0], small)
  const lent = memory.lentPiece(pieces[1]!)!
  t.is(lent.original, large)
  t.true(lent.loan.hold())
  await Promise.resolve()
  t.is(memory.loans, 1, 'held by a link')
  lent.loan.giveBack()
  t.is(memory.loans, 0)
  t.false(lent.loan.hold(), 'a link that writes it later must take the bytes')
})

test('host memory: where there is no such file system nothing is offered, and nobody fails', t => {
  const memory = memoryIn('/nonexistent')
  memory.removeLeftovers()
  t.is(memory.directory, undefined)
  t.is(memory.makeClientDirectory(), undefined)
  memory.close()
})

test('host memory: without a readable /proc nothing is offered or removed, and nobody fails', t => {
  const root = temporaryDirectory(t)
  mkdirSync(join(root, 'callboard-ffffffff-1.2.3-00ff'))
  const memory = memoryIn(root, { namespace: '/nonexistent' })
  memory.removeLeftovers()
  t.is(memory.makeClientDirectory(), undefined)
  t.is(readdirSync(root).length, 1)
  memory.close()
})

test('host memory: where somebody removes it, the next client gets a new one', t => {
  const memory = memoryIn(temporaryDirectory(t))
  t.teardown(() => memory.close())
  const before = memory.directory!
  t.truthy(memory.makeClientDirectory())
  rmSync(before, { recursive: true })
  const own = memory.makeClientDirectory()!
  t.true(existsSync(own))
  t.not(memory.directory, before)
  t.not(memory.lentPiece(memory.wrap([new Uint8Array(1000)])[0]!), undefined)
})
