import { constants } from 'node:os'
import test from 'ava'
import { crashReport, type AgentEnding, type CrashCircumstances } from '../../../agents/crashes/crash-report.ts'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { defaultBackoff, type AgentSettings } from '../../../broker/ground/settings.ts'

const settings: AgentSettings = { name: 'lamp', command: 'sh', args: [], env: {}, cwd: undefined, restart: 'permanent', backoff: defaultBackoff, shutdownMs: 5000 }
const exit = (code: number | null, signal: NodeJS.Signals | null = null) => ({ pid: 7, exit: { code, signal, ranMs: 42 } })
const ending = (more: Partial<AgentEnding> = {}): AgentEnding => ({ settings, id: 'lamp/2', instance: 2, incarnation: 3, process: exit(1), startError: undefined, wasAsked: false, directory: '/', begunMs: 0, lines: [], sandbox: undefined, timeMs: 1_700_000_000_000, ...more })
const about = (more: Partial<CrashCircumstances> = {}): CrashCircumstances => ({ error: undefined, next: { kind: 'restart', delayMs: 100 }, brokerIncarnation: 9, messages: () => [], ...more })
const reasonOf = (more: Partial<AgentEnding>, around?: Partial<CrashCircumstances>): string | undefined => crashReport(ending(more), about(around))?.reason

test('crash report: who, when, how long, how, and what follows', t => {
  t.deepEqual(crashReport(ending(), about({ error: new BrokerError('agent.failed', { agent: 'lamp/2', problem: 'exited with code 1' }) })), {
    id: '1700000000000-2-3', agent: 'lamp', instance: 'lamp/2', incarnation: 3, brokerIncarnation: 9, time: 1_700_000_000_000, ranMs: 42, pid: 7, code: 1, core: false,
    reason: 'exited with code 1', errorCode: 'agent.failed', wasAsked: false, limits: [], lines: [], messages: [], next: { kind: 'restart', delayMs: 100 },
  })
})

test('crash report: an end unasked is one, except that of a job that is done', t => {
  t.is(reasonOf({ process: exit(null, 'SIGSEGV') }), 'was ended by SIGSEGV')
  t.is(reasonOf({ process: exit(null, 'SIGTERM') }), 'was ended by SIGTERM')
  t.is(reasonOf({ process: exit(0) }), 'exited with code 0')
  for (const restart of ['transient', 'temporary'] as const) t.is(reasonOf({ process: exit(0), settings: { ...settings, restart } }), undefined)
})

test('crash report: an end that was asked for is none, except a bad one', t => {
  for (const process of [exit(0), exit(143), exit(null, 'SIGTERM'), exit(null, 'SIGINT')]) t.is(reasonOf({ process, wasAsked: true }), undefined)
  t.is(reasonOf({ process: exit(null, 'SIGKILL'), wasAsked: true }), 'did not end within 5000 ms of SIGTERM, and was killed')
  t.is(reasonOf({ process: exit(null, 'SIGSEGV'), wasAsked: true }), 'was asked to end, and was ended by SIGSEGV')
  t.is(reasonOf({ process: exit(1), wasAsked: true }), 'was asked to end, and exited with code 1')
})

test('crash report: one that was given up has the reason for that, and one that did not start why not', t => {
  const error = new BrokerError('agent.failed', { agent: 'lamp/2', problem: 'did not answer 3 pings' })
  t.is(reasonOf({ process: exit(null, 'SIGTERM'), wasAsked: true }, { error }), error.message)
  const startError = new BrokerError('agent.failed', { agent: 'lamp/2', problem: 'cannot start: there is no file /x' })
  const report = crashReport(ending({ process: undefined, startError }), about())!
  t.like(report, { reason: startError.message, errorCode: 'agent.failed', ranMs: 0 })
  t.false('pid' in report || 'code' in report || 'core' in report)
})

test('crash report: the signal behind the programs that make namespaces, and limits seen from outside first', t => {
  const sandbox = { asked: 'isolated', achieved: 'isolated', parts: { namespaces: 'bubblewrap' }, missing: [] } as const
  const report = crashReport(ending({ process: exit(128 + constants.signals.SIGXCPU), sandbox, settings: { ...settings, sandbox: { level: 'isolated', files: { read: [], write: [] }, network: 'none', memoryBytes: 1, cpus: undefined, cpuTimeMs: 1, processes: undefined, openFiles: undefined, fileBytes: undefined, controlGroups: true, allowWeaker: false } } }), about())!
  t.like(report, { signal: 'SIGXCPU', core: false, limits: [{ limit: 'cpuTime', evidence: 'SIGXCPU' }] })
  t.false('code' in report)
  t.is(crashReport(ending({ process: exit(137) }), about())!.code, 137)
  const seen = [{ limit: 'memory', evidence: 'oom_kill 1 in its control group' }] as const
  t.deepEqual(crashReport(ending({ process: { pid: 7, exit: { ...exit(null, 'SIGKILL').exit, limits: seen } } }), about())!.limits, [...seen])
})
