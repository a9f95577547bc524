import test from 'ava'
import { callsOnProcesses, callsOnTargets, callsAmongOthers, refusedCalls, type Processor } from '../../../native/linux/refused-calls.ts'
import { systemCallFilter, type FilterOptions } from '../../../native/linux/system-call-filter.ts'
import { runFilter } from '../../support/bpf-machine.ts'

const ALLOW = 0x7fff_0000
const EPERM = 0x0005_0001
const ENOSYS = 0x0005_0026
const EPROTONOSUPPORT = 0x0005_005d
const EOPNOTSUPP = 0x0005_005f
const EAFNOSUPPORT = 0x0005_0061
const architectures = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const
const processors = ['x64', 'arm64'] as const
const numbers = { x64: { read: 0, listen: 50, sendto: 44, sendmsg: 46, sendmmsg: 307, utimensat: 280, socket: 41, clone: 56, ioctl: 16, mmap: 9, memfd_create: 319 }, arm64: { read: 63, listen: 201, sendto: 206, sendmsg: 211, sendmmsg: 269, utimensat: 88, socket: 198, clone: 220, ioctl: 29, mmap: 222, memfd_create: 279 } } as const

function judge(processor: Processor, options: Partial<FilterOptions> = {}): (call: number, ...words: number[]) => number {
  const program = systemCallFilter({ processor, internet: 'none', mayListen: true, isMemoryCounted: false, isAmongOthers: false, ...options })
  return (call, ...words) => runFilter(program, { architecture: architectures[processor], call, arguments: words })
}

for (const processor of processors) {
  const call = numbers[processor]

  test(`system call filter: on ${processor} the calls of the list are refused, others pass`, t => {
    const ask = judge(processor)
    for (const refused of refusedCalls) if (refused[processor] !== undefined) t.is(ask(refused[processor]), EPERM, refused.name)
    t.is(ask(call.read), ALLOW)
    t.is(ask(435), ENOSYS, 'clone3, so that clone is used')
  })

  test(`system call filter: on ${processor} no namespace is made by clone, and nothing is typed into a terminal`, t => {
    const ask = judge(processor)
    t.is(ask(call.clone, 17), ALLOW)
    for (const flag of [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]) t.is(ask(call.clone, flag | 17), EPERM)
    t.is(ask(call.ioctl, 1, 0x5412), EPERM)
    t.is(ask(call.ioctl, 1, 0x5401), ALLOW)
  })

  test(`system call filter: on ${processor} limits and priorities are a process's own`, t => {
    const ask = judge(processor)
    for (const { name, ...number } of callsOnProcesses) t.deepEqual([ask(number[processor], 0), ask(number[processor], 4711)], [ALLOW, EPERM], name)
    for (const { name, kind, ...number } of callsOnTargets) t.deepEqual([[kind, 0], [kind, 4711], [kind + 1, 0]].map(words => ask(number[processor], ...words)), [ALLOW, EPERM, EPERM], name)
  })

  test(`system call filter: on ${processor} among others of its user files change by descriptor alone, and nothing is exchanged by numbers`, t => {
    const [free, fixed] = [judge(processor), judge(processor, { isAmongOthers: true })]
    for (const reaching of callsAmongOthers) if (reaching[processor] !== undefined) t.deepEqual([free(reaching[processor]), fixed(reaching[processor])], [ALLOW, EPERM], reaching.name)
    t.is(fixed(call.utimensat, 5, 0), ALLOW)
    t.is(fixed(call.utimensat, -100, 0x1000), EPERM)
  })

  test(`system call filter: on ${processor} sockets are those that are granted`, t => {
    const verdicts = (internet: FilterOptions['internet']): number[] => [
      [1, 1, 0], [2, 1, 0], [2, 1 | 0o2_004_000, 6], [10, 1, 0], [2, 1, 262], [2, 2, 17], [2, 3, 1], [16, 3, 0], [16, 3, 15], [17, 3, 0], [40, 1, 0],
    ].map(words => judge(processor, { internet })(call.socket, ...words))
    t.deepEqual(verdicts('none'), [ALLOW, ...Array.from({ length: 10 }, () => EAFNOSUPPORT)])
    t.deepEqual(verdicts('tcp'), [ALLOW, ALLOW, ALLOW, ALLOW, EPROTONOSUPPORT, EPROTONOSUPPORT, EPROTONOSUPPORT, ALLOW, EAFNOSUPPORT, EAFNOSUPPORT, EAFNOSUPPORT])
    t.deepEqual(verdicts('tcp and udp'), [ALLOW, ALLOW, ALLOW, ALLOW, EPROTONOSUPPORT, ALLOW, EPROTONOSUPPORT, ALLOW, EAFNOSUPPORT, EAFNOSUPPORT, EAFNOSUPPORT])
    t.deepEqual(verdicts('all'), [ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, ALLOW, EAFNOSUPPORT, EAFNOSUPPORT, EAFNOSUPPORT])
  })

  test(`system call filter: on ${processor} where ports are judged by others, nothing connects by sending, and nothing listens without leave`, t => {
    const fast = 0x2000_0000
    const verdicts = (internet: FilterOptions['internet'], flags: number): number[] => [[call.sendto, 3, 0, 1, flags], [call.sendmsg, 3, 0, flags], [call.sendmmsg, 3, 0, 1, flags]].map(([number, ...words]) => judge(processor, { internet })(number!, ...words))
    for (const internet of ['tcp', 'tcp and udp'] as const) t.deepEqual([verdicts(internet, fast | 1), verdicts(internet, 1)], [[EOPNOTSUPP, EOPNOTSUPP, EOPNOTSUPP], [ALLOW, ALLOW, ALLOW]], internet)
    t.deepEqual(verdicts('all', fast), [ALLOW, ALLOW, ALLOW])
    t.deepEqual([true, false].map(mayListen => judge(processor, { internet: 'tcp', mayListen })(call.listen, 3, 1)), [ALLOW, EPERM])
  })

  test(`system call filter: on ${processor} memory that no limit counts is refused where memory is limited`, t => {
    const [free, counted] = [judge(processor), judge(processor, { isMemoryCounted: true })]
    for (const words of [[call.mmap, 0, 4096, 3, 0x21], [call.mmap, 0, 4096, 3, 0x122], [call.memfd_create]]) {
      t.is(free(words[0]!, ...words.slice(1)), ALLOW)
      t.is(counted(words[0]!, ...words.slice(1)), EPERM)
    }
    t.is(counted(call.mmap, 0, 4096, 3, 0x22), ALLOW, 'private memory')
    t.is(counted(call.mmap, 0, 4096, 3, 0x01), ALLOW, 'a file')
  })
}

test('system call filter: another processor\'s calls are refused, whatever their number', t => {
  const program = systemCallFilter({ processor: 'x64', internet: 'all', mayListen: true, isMemoryCounted: false, isAmongOthers: false })
  t.is(runFilter(program, { architecture: 0x4000_0003, call: 0 }), ENOSYS, '32 bits')
  t.is(runFilter(program, { architecture: architectures.x64, call: 0x4000_0000 }), ENOSYS, 'x32')
})

test('refused calls: no number stands twice', t => {
  for (const processor of processors) {
    const all = [...refusedCalls, ...callsAmongOthers, ...callsOnProcesses, ...callsOnTargets].flatMap(call => call[processor] ?? [])
    t.is(new Set(all).size, all.length)
  }
})
