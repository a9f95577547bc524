import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readlinkSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { MemoryBorrower } from '../../../broker/ground/memory-borrower.ts'
import { MemoryLender, type LenderOptions } from '../../../broker/ground/memory-lender.ts'
import { segmentName } from '../../../broker/ground/shared-memory.ts'
import { mayMount, smallDisk } from '../../support/small-disk.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { until } from '../../support/until.ts'

const MIB = 1024 * 1024

function lending(t: ExecutionContext, options: Partial<LenderOptions> = {}): { directory: string; lender: MemoryLender; borrower: MemoryBorrower } {
  const directory = options.directory ?? temporaryDirectory(t)
  const lender = new MemoryLender({ directory, limitBytes: 8 * MIB, maxSegments: 4, ...options })
  const borrower = new MemoryBorrower(directory, 4 * MIB)
  t.teardown(() => {
    lender.close()
    borrower.close()
  })
  return { directory, lender, borrower }
}

function unreadable(t: ExecutionContext, read: () => unknown): void {
  t.is(t.throws(read, { instanceOf: BrokerError }).code, 'memory.unreadable')
}

const filled = (bytes: number, value: number): Uint8Array => new Uint8Array(bytes).fill(value)

test('memory lender: what was lent is read as it was, and its segment serves again when it was given back', t => {
  const { directory, lender, borrower } = lending(t)
  for (let i = 1; i <= 20; i++) {
    const loan = lender.lend(filled(i * 1000, i))!
    t.deepEqual(borrower.read(loan.number, loan.bytes), Buffer.from(filled(i * 1000, i)))
    loan.giveBack()
  }
  t.is(readdirSync(directory).length, 1)
  t.is(lender.loans, 0)
})

test('memory lender: nothing is written into a segment that somebody holds', t => {
  const { lender, borrower } = lending(t)
  const first = lender.lend(filled(5000, 1))!
  t.true(first.hold())
  first.giveBack()
  const second = lender.lend(filled(5000, 2))!
  t.not(second.number, first.number)
  t.is(borrower.read(first.number, 5000)[4999], 1)
  first.giveBack()
  t.false(first.hold(), 'a loan that is over is not taken up again')
  t.is(lender.lend(filled(5000, 3))!.number, first.number)
})

test('memory lender: a segment whose reader is gone is never written again, as it may still be read', t => {
  const { directory, lender } = lending(t)
  const loan = lender.lend(filled(5000, 1))!
  loan.giveBack(true)
  t.deepEqual(readdirSync(directory), [])
  t.is(lender.heldBytes, 0)
  t.not(lender.lend(filled(5000, 2))!.number, loan.number)
})

test('memory lender: at its limits it lends nothing more, and again when something came back', t => {
  const { lender } = lending(t, { limitBytes: 3 * MIB })
  const loans = [lender.lend(filled(MIB, 1))!, lender.lend(filled(2 * MIB, 2))!]
  t.is(lender.lend(filled(1, 3)), undefined)
  for (const loan of loans) loan.giveBack()
  // Both segments keep their memory until another one needs it.
  t.is(lender.heldBytes, 3 * MIB)
  t.truthy(lender.lend(filled(3 * MIB, 3)))
  t.is(lender.heldBytes, 3 * MIB)
})

test('memory lender: so many segments and no more', t => {
  const { lender } = lending(t, { maxSegments: 2 })
  const loans = [lender.lend(filled(10, 1)), lender.lend(filled(10, 1))]
  t.is(lender.lend(filled(10, 1)), undefined)
  loans[0]!.giveBack()
  t.truthy(lender.lend(filled(10, 1)))
})

test('memory lender: what nobody uses goes back to the system', async t => {
  const { directory, lender } = lending(t, { idleMs: 1 })
  const loan = lender.lend(filled(MIB, 1))!
  loan.giveBack()
  await until(() => lender.heldBytes === 0)
  t.is(statSync(join(directory, segmentName(loan.number))).size, 0)
})

test('memory lender: others of the same user may read a segment, and not write it', t => {
  const { directory, lender } = lending(t)
  const { number } = lender.lend(filled(10, 1))!
  t.is(statSync(join(directory, segmentName(number))).mode & 0o777, 0o400)
})

const onSmallDisk = mayMount() ? test : test.skip
onSmallDisk('memory lender: a full /dev/shm is no error, and takes nothing that was lent before', t => {
  const disk = smallDisk(t, 2 * MIB)
  const { lender, borrower } = lending(t, { directory: disk.path })
  const loan = lender.lend(filled(MIB, 1))!
  t.is(lender.lend(filled(3 * MIB, 2)), undefined)
  t.deepEqual(borrower.read(loan.number, MIB), Buffer.from(filled(MIB, 1)))
  t.true(lender.heldBytes <= MIB, 'what did not fit is given back')
})

test('memory borrower: a segment that its owner cut short, or that was never there, is an error and no more', t => {
  const { directory, lender, borrower } = lending(t)
  const { number } = lender.lend(filled(10_000, 1))!
  borrower.read(number, 10_000)
  truncateSync(join(directory, segmentName(number)), 5000)
  unreadable(t, () => borrower.read(number, 10_000))
  unreadable(t, () => borrower.read(999_999, 1))
})

test('memory borrower: an announced length reserves nothing', t => {
  const { lender, borrower } = lending(t)
  const { number } = lender.lend(filled(10, 1))!
  for (const bytes of [0, -1, 4 * MIB + 1, 4 * MIB, Number.NaN]) unreadable(t, () => borrower.read(number, bytes))
})

test('memory borrower: what is no plain file is neither followed nor waited for', t => {
  const directory = temporaryDirectory(t)
  const borrower = new MemoryBorrower(directory, MIB)
  t.teardown(() => borrower.close())
  writeFileSync(join(directory, 'secret'), 'x'.repeat(100))
  symlinkSync(join(directory, 'secret'), join(directory, segmentName(1)))
  // Opening one for reading waits for a writer, unless it is told not to.
  execFileSync('mkfifo', [join(directory, segmentName(2))])
  mkdirSync(join(directory, segmentName(3)))
  for (const number of [1, 2, 3]) unreadable(t, () => borrower.read(number, 10))
})

test('memory borrower: it keeps few files open', t => {
  const { directory, lender, borrower } = lending(t, { maxSegments: 40 })
  const loans = Array.from({ length: 40 }, (_, i) => lender.lend(filled(10, i))!)
  for (const [i, { number }] of loans.entries()) t.is(borrower.read(number, 10)[0], i)
  const open = readdirSync('/proc/self/fd').filter(fd => linkOf(fd).startsWith(directory))
  // Of the lender 40.
  t.is(open.length, 40 + 16)
})

test('memory borrower: where no more files can be opened, one that it keeps makes room', t => {
  const { directory, lender } = lending(t)
  const numbers = [lender.lend(filled(10, 1))!.number, lender.lend(filled(10, 2))!.number]
  const script = `
    import { openSync } from 'node:fs'
    import { MemoryBorrower } from '${join(import.meta.dirname, '../../../broker/ground/memory-borrower.ts')}'
    const borrower = new MemoryBorrower('${directory}', 100)
    const read = number => borrower.read(number, 10)[0]
    const first = read(${numbers[0]})
    let problem
    while (problem === undefined) try { openSync('/dev/null') } catch (error) { problem = error.code }
    process.stdout.write([first, problem, read(${numbers[1]}), read(${numbers[0]})].join())`
  const said = execFileSync('sh', ['-c', 'ulimit -n 100 && exec "$0" --input-type=module -e "$1"', process.execPath, script], { encoding: 'utf8' })
  t.is(said, '1,EMFILE,2,1')
})

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
