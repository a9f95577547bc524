import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { chooseEnclosure, type EnclosureKind } from '../../../agents/sandbox/enclosure.ts'
import { planOf } from '../../../agents/sandbox/plan.ts'
import { groupMembers } from '../../../agents/process-group.ts'
import { processStamp } from '../../../broker/ground/process-stamp.ts'
import { noSandbox } from '../../../broker/ground/sandbox.ts'
import { startAgent, type TestAgent } from '../../support/agent-process.ts'
import { sandboxTest } from '../../support/sandbox-features.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { until } from '../../support/until.ts'

function isolated(t: ExecutionContext, kind: EnclosureKind, program: string, shutdownMs = 10_000): Promise<TestAgent> {
  const home = temporaryDirectory(t)
  return startAgent(t, {
    args: ['-e', `${program}; console.log("ready"); setInterval(() => {}, 1e6)`],
    shutdownMs,
    environment: { CALLBOARD_SOCKET: join(home, 'socket') },
    sandbox: launch => planOf('tested', launch, { ...noSandbox, level: 'isolated' }, home, { kind }),
  })
}

for (const kind of ['unshare', 'bubblewrap'] as const) {
  sandboxTest(`enclosure: by ${kind}, an agent is asked to end and has its time for it`, [`namespaces by ${kind}`], async t => {
    const { agent, log } = await isolated(t, kind, 'process.on("SIGTERM", () => { console.log("ending"); setTimeout(() => { console.log("ended"); process.exit(0) }, 50) })')
    await log.logged(/^ready$/)
    agent.stop()
    t.like(await agent.exited, { code: 0, signal: null })
    t.deepEqual(log.records.map(({ text }) => text), ['ready', 'ending', 'ended'])
  })

  sandboxTest(`enclosure: by ${kind}, SIGTERM ends a program that has no handler for it, and a signal is told as 128 and its number`, [`namespaces by ${kind}`], async t => {
    const { agent, log } = await isolated(t, kind, '0')
    await log.logged(/^ready$/)
    t.not(agent.programPid, agent.pid)
    agent.stop()
    t.like(await agent.exited, { code: 143, signal: null })
  })

  sandboxTest(`enclosure: by ${kind}, nothing survives that left the agent's group`, [`namespaces by ${kind}`], async t => {
    const { agent, log } = await isolated(t, kind, 'require("child_process").spawn("sleep", ["1000"], { detached: true, stdio: "ignore" }).on("spawn", () => console.log("ready"))')
    await log.logged(/^ready$/)
    const [child] = readFileSync(`/proc/${agent.programPid}/task/${agent.programPid}/children`, 'utf8').trim().split(' ')
    t.false(groupMembers(agent.pid).includes(Number(child)))
    agent.kill()
    await agent.exited
    // The kernel ends what is left in the namespace when its first process ends, and nobody waits for that.
    await until(() => processStamp(Number(child)) === undefined)
    t.pass()
  })
}

sandboxTest('enclosure: a program other than Node has its memory limited in a world without Node', ['namespaces by unshare'], async t => {
  const home = temporaryDirectory(t)
  const { log } = await startAgent(t, {
    command: 'sh',
    args: ['-c', 'ulimit -d; exec sleep 1000'],
    environment: { CALLBOARD_SOCKET: join(home, 'socket') },
    sandbox: launch => planOf('tested', launch, { ...noSandbox, level: 'isolated', memoryBytes: 64 * 2 ** 20 }, home, { kind: 'unshare' }),
  })
  t.is((await log.logged(/^\d+$/)).text, '65536')
})

sandboxTest('enclosure: nobody keeps agents from starting by locking a file that all may open', ['namespaces by unshare'], async t => {
  const holder = spawn('flock', ['--exclusive', '--no-fork', '/dev/null', 'sh', '-c', 'echo held; exec sleep 100'], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  const { agent, log } = await isolated(t, 'unshare', '0')
  await log.logged(/^ready$/)
  agent.kill()
  const { code, signal } = await agent.exited
  // By which of the two it is told depends on who of them died first: the program that unshares, or what it waited for.
  t.true(signal === 'SIGKILL' || code === 128 + 9, `${signal} ${code}`)
})

test('enclosure: none is made where none is needed', async t => {
  t.deepEqual(await chooseEnclosure({ ...noSandbox, level: 'restricted' }, 1000), { kind: 'none' })
  t.deepEqual(await chooseEnclosure({ ...noSandbox, level: 'limits', processes: 40 }, 0), { kind: 'none' }, 'nothing counts the processes of root')
})
