import test, { type ExecutionContext } from 'ava'
import { agentChild } from '../../actors/agent-child.ts'
import { Supervisor } from '../../actors/supervisor.ts'
import type { LocalAgent } from '../../agents/local-agent.ts'
import { processStamp } from '../../broker/ground/process-stamp.ts'
import type { ExitReason } from '../../broker/ground/types.ts'
import { agentStage, type AgentStage } from '../support/local-agent.ts'

const QUICK = { initialMs: 1, maxMs: 1, multiplier: 1, jitter: 0 }

/** Starts the agents under the supervisor that the broker's tree has for them. */
async function supervise(t: ExecutionContext, stage: AgentStage, agents: readonly LocalAgent[]) {
  const supervisor = new Supervisor({ id: 'agents', strategy: 'oneForOne', intensity: Infinity, children: agents.map(agent => agentChild(agent, stage.environment)), environment: stage.environment })
  const exited = Promise.withResolvers<ExitReason>()
  supervisor.onExit = exited.resolve
  t.teardown(async () => {
    supervisor.kill()
    await exited.promise
  })
  t.is(await supervisor.start(), 'ok')
  return { supervisor, exited: exited.promise }
}

test('agent child: crashes and exits with 0 of a permanent agent are followed by a new incarnation', async t => {
  const stage = agentStage(t)
  const agent = stage.localAgent({ backoff: QUICK, args: ['-c', 'echo run >> runs; case $(wc -l < runs) in 1) exit 1;; 2) exit 0;; 3) kill -9 $$;; esac; echo fourth; exec sleep 1000'] })
  const { supervisor, exited } = await supervise(t, stage, [agent])
  await stage.log.logged(/fourth/)
  const [info] = supervisor.info().children
  t.like(info, { id: 'agent.tested', kind: 'agent', phase: 'run', incarnation: 4 })
  t.is(info!.detail, `sh, pid ${agent.pid}`)
  t.deepEqual([...stage.valid], ['tested-4'])
  const pid = agent.pid!
  supervisor.stop()
  t.deepEqual(await exited, { kind: 'shutdown' })
  t.is(processStamp(pid), undefined)
  t.is(stage.valid.size, 0)
})

test('agent child: restart and backoff are the config\'s, and it is killed only when its own time is over', t => {
  const { environment, localAgent } = agentStage(t)
  const spec = agentChild(localAgent({ name: 'weather', restart: 'transient', backoff: QUICK, shutdownMs: 7000 }), environment)
  t.like(spec, { id: 'agent.weather', kind: 'agent', restart: 'transient', backoff: QUICK })
  t.true(spec.shutdownMs! > 7000 && spec.shutdownMs! < Infinity)
})

test('agent child: one whose command is missing fails by name again and again, the others run', async t => {
  const stage = agentStage(t)
  const missing = stage.localAgent({ name: 'missing', command: 'no-such-python3', backoff: QUICK })
  const other = stage.localAgent({ name: 'other', args: ['-c', 'echo up; exec sleep 1000'] })
  const { supervisor } = await supervise(t, stage, [missing, other])
  await stage.log.logged(/up/)
  const pid = other.pid
  const incarnation = () => supervisor.info().children.find(child => child.id === 'agent.missing')!.incarnation
  while (incarnation() < 5) await new Promise(setImmediate)
  t.is(other.pid, pid)
  t.is(supervisor.info().children.find(child => child.id === 'agent.other')!.incarnation, 1)
  const said = stage.log.records.map(record => JSON.stringify({ ...record.fields, error: String(record.fields['error']) }))
  t.true(said.some(text => text.includes('no command \\"no-such-python3\\" in PATH')), said.join('\n'))
})
