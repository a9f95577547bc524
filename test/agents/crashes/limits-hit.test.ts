import test from 'ava'
import { limitsHit } from '../../../agents/crashes/limits-hit.ts'
import type { AgentLogLine } from '../../../broker/ground/agent-line.ts'
import { noSandbox, type SandboxSettings } from '../../../broker/ground/sandbox.ts'

const limited: SandboxSettings = { ...noSandbox, level: 'limits', memoryBytes: 1, processes: 1, openFiles: 1, fileBytes: 1, cpuTimeMs: 1000 }
const printed = (...texts: string[]): AgentLogLine[] => texts.map((text, at) => ({ seq: at, time: 0, instance: 'a', start: 1, stream: 'stderr', text }))

test('limits hit: signals that the kernel sends for one reason', t => {
  t.deepEqual(limitsHit('SIGXCPU', limited, []), [{ limit: 'cpuTime', evidence: 'SIGXCPU' }])
  t.deepEqual(limitsHit('SIGXFSZ', limited, []), [{ limit: 'fileSize', evidence: 'SIGXFSZ' }])
  t.deepEqual(limitsHit('SIGKILL', limited, []), [])
  t.deepEqual(limitsHit('constructor', limited, []), [])
})

test('limits hit: what Node, Python, C++ and shells print when they are refused something', t => {
  const words = {
    memory: ['FATAL ERROR: Ineffective mark-compacts near heap limit Allocation failed - JavaScript heap out of memory', 'terminate called after throwing an instance of \'std::bad_alloc\'', 'MemoryError', 'sh: 1: Cannot allocate memory'],
    processes: ['sh: 0: Cannot fork: Resource temporarily unavailable', 'Error: spawn node EAGAIN', 'RuntimeError: can\'t start new thread'],
    openFiles: ['Error: EMFILE: too many open files, open \'/tmp/x\'', 'OSError: [Errno 24] Too many open files'],
    fileSize: ['OSError: [Errno 27] File too large'],
  }
  for (const [limit, lines] of Object.entries(words)) {
    for (const line of lines) t.deepEqual(limitsHit(undefined, limited, printed('up', line, 'bye')), [{ limit, evidence: `it printed: ${line}` }] as unknown as ReturnType<typeof limitsHit>, line)
  }
})

test('limits hit: words count for limits that the agent has, the last of them, and only once', t => {
  t.deepEqual(limitsHit(undefined, { ...limited, memoryBytes: undefined }, printed('MemoryError')), [])
  t.deepEqual(limitsHit('SIGXCPU', undefined, printed('MemoryError')), [])
  t.deepEqual(limitsHit('SIGXFSZ', limited, printed('MemoryError one', 'MemoryError two', 'File too large')), [{ limit: 'fileSize', evidence: 'SIGXFSZ' }, { limit: 'memory', evidence: 'it printed: MemoryError two' }])
  t.is(limitsHit(undefined, limited, printed(`MemoryError ${'x'.repeat(1000)}`))[0]!.evidence.length, 'it printed: '.length + 160)
})
