// Which system calls a confined program may not make, as a filter for seccomp. Pure: makes bytes, installs nothing.
//
//   another architecture, x32 ──▶ ENOSYS    a call of the list ──▶ EPERM    clone3 ──▶ ENOSYS: the C library then uses clone,
//   socket of a family that is not allowed ──▶ EAFNOSUPPORT                 whose flags can be looked at    the rest ──▶ allowed

import { BpfProgram } from './bpf-program.ts'
import { callsOnProcesses, callsOnTargets, callsAmongOthers, refusedCalls, type Processor } from './refused-calls.ts'

export interface FilterOptions {
  readonly processor: Processor
  /**
   * Sockets of the internet: none, those of TCP, those of UDP too, or all. Those of Unix are always allowed. With the two in between,
   * ports are Landlock's to judge, which sees bind and connect: what connects without them is refused.
   */
  readonly internet: 'none' | 'tcp' | 'tcp and udp' | 'all'
  /** Whether sockets may wait for connections. One that has no port yet is given any by that, which Landlock does not see. */
  readonly mayListen: boolean
  /** Refuses memory that setLimit('dataBytes') does not count: shared memory, files without a name, and stacks that a program maps. */
  readonly isMemoryCounted: boolean
  /**
   * It shares files and processes with others of its user: refuses to change mode, owner and times of files by their path, and
   * what exchanges data by System V's numbers.
   */
  readonly isAmongOthers: boolean
}

const architectures: Readonly<Record<Processor, number>> = { x64: 0xc000_003e, arm64: 0xc000_00b7 }
/** Calls of the x32 interface come with the architecture of x64 and this bit. */
const X32 = 0x4000_0000
/** CLONE_NEW… mount, cgroup, uts, ipc, user, pid, net. */
const NEW_NAMESPACES = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const AF_NETLINK = 16
const NETLINK_ROUTE = 0
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_TYPE_MASK = 0xf
const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
/** TCP Fast Open: connects by sending. */
const MSG_FASTOPEN = 0x2000_0000
/** TIOCSTI types into the terminal of whoever started the broker, TIOCLINUX pastes there. */
const TERMINAL_REQUESTS = [0x5412, 0x541c]
const MAP_SHARED_ANONYMOUS = 0x21
const MAP_GROWSDOWN = 0x100

const numbers = {
  clone: { x64: 56, arm64: 220 },
  clone3: { x64: 435, arm64: 435 },
  ioctl: { x64: 16, arm64: 29 },
  socket: { x64: 41, arm64: 198 },
  listen: { x64: 50, arm64: 201 },
  sendto: { x64: 44, arm64: 206 },
  sendmsg: { x64: 46, arm64: 211 },
  sendmmsg: { x64: 307, arm64: 269 },
  mmap: { x64: 9, arm64: 222 },
  memfd_create: { x64: 319, arm64: 279 },
  shmget: { x64: 29, arm64: 194 },
  utimensat: { x64: 280, arm64: 88 },
} as const

/** The filter's bytes for installFilter(). */
export function systemCallFilter({ processor, internet, mayListen, isMemoryCounted, isAmongOthers }: FilterOptions): Uint8Array {
  const number = (name: keyof typeof numbers): number => numbers[name][processor]
  const program = new BpfProgram()
  program.load('architecture')
  program.refuseUnless(architectures[processor], 'ENOSYS')
  program.load('call')
  if (processor === 'x64') program.refuseIfAnyBit(X32, 'ENOSYS')
  for (const call of [...refusedCalls, ...(isAmongOthers ? callsAmongOthers : [])]) if (call[processor] !== undefined) program.refuseIf(call[processor], 'EPERM')
  program.refuseIf(number('clone3'), 'ENOSYS')
  if (isMemoryCounted) refuseUncountedMemory(program, number)
  if (isAmongOthers) program.when(number('utimensat'), () => judgeTimes(program))
  refuseOtherProcesses(program, processor)
  program.when(number('clone'), () => {
    program.load(0)
    program.refuseIfAnyBit(NEW_NAMESPACES, 'EPERM')
    program.allow()
  })
  program.when(number('ioctl'), () => {
    program.load(1)
    for (const request of TERMINAL_REQUESTS) program.refuseIf(request, 'EPERM')
    program.allow()
  })
  program.when(number('socket'), () => judgeSockets(program, internet))
  if (internet === 'tcp' || internet === 'tcp and udp') refuseFastOpen(program, number)
  if (!mayListen) program.refuseIf(number('listen'), 'EPERM')
  program.allow()
  return program.encode()
}

// Without a path it is about an open file: both halves of that pointer are 0.
function judgeTimes(program: BpfProgram): void {
  program.load(1)
  program.refuseUnless(0, 'EPERM')
  program.load('high half of 1')
  program.refuseUnless(0, 'EPERM')
  program.allow()
}

function refuseOtherProcesses(program: BpfProgram, processor: Processor): void {
  for (const call of callsOnProcesses) {
    program.when(call[processor], () => {
      program.load(0)
      program.refuseUnless(0, 'EPERM')
      program.allow()
    })
  }
  for (const call of callsOnTargets) {
    program.when(call[processor], () => {
      program.load(0)
      program.refuseUnless(call.kind, 'EPERM')
      program.load(1)
      program.refuseUnless(0, 'EPERM')
      program.allow()
    })
  }
}

function refuseUncountedMemory(program: BpfProgram, number: (name: keyof typeof numbers) => number): void {
  program.refuseIf(number('memfd_create'), 'EPERM')
  program.refuseIf(number('shmget'), 'EPERM')
  program.when(number('mmap'), () => {
    // The kernel takes it for a stack, which is not data.
    program.load(3)
    program.refuseIfAnyBit(MAP_GROWSDOWN, 'EPERM')
    program.load(3, MAP_SHARED_ANONYMOUS)
    program.refuseIf(MAP_SHARED_ANONYMOUS, 'EPERM')
    program.allow()
  })
}

// With the error of a system on which it is switched off: programs then connect as usual.
function refuseFastOpen(program: BpfProgram, number: (name: keyof typeof numbers) => number): void {
  for (const [name, flags] of [['sendto', 3], ['sendmsg', 2], ['sendmmsg', 3]] as const) {
    program.when(number(name), () => {
      program.load(flags)
      program.refuseIfAnyBit(MSG_FASTOPEN, 'EOPNOTSUPP')
      program.allow()
    })
  }
}

function judgeSockets(program: BpfProgram, internet: FilterOptions['internet']): void {
  program.load(0)
  program.allowIf(AF_UNIX)
  if (internet !== 'none') {
    // The addresses of the machine, which os.networkInterfaces() lists; the other protocols are the kernel's inner life.
    program.when(AF_NETLINK, () => {
      program.load(2)
      program.refuseUnless(NETLINK_ROUTE, 'EAFNOSUPPORT')
      program.allow()
    })
    for (const family of [AF_INET, AF_INET6]) program.when(family, () => judgeInternet(program, internet))
  }
  program.refuse('EAFNOSUPPORT')
}

function judgeInternet(program: BpfProgram, internet: 'tcp' | 'tcp and udp' | 'all'): void {
  if (internet !== 'all') {
    program.load(1, SOCK_TYPE_MASK)
    if (internet === 'tcp and udp') {
      program.when(SOCK_DGRAM, () => {
        program.load(2)
        program.allowIf(0)
        program.refuseUnless(IPPROTO_UDP, 'EPROTONOSUPPORT')
        program.allow()
      })
    }
    program.refuseUnless(SOCK_STREAM, 'EPROTONOSUPPORT')
    program.load(2)
    program.allowIf(0)
    // MPTCP is a stream too, and Landlock's rules of ports do not see it.
    program.refuseUnless(IPPROTO_TCP, 'EPROTONOSUPPORT')
  }
  program.allow()
}
