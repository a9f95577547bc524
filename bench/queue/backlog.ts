// Our queue with millions of messages in it: how fast it fills, what it does at that depth, what it holds in memory, how soon it is back.

import { formatProblems, writeFigures } from '../findings.ts'
import { peakResidentBytes } from '../measure/cpu.ts'
import { socketPath } from '../server/broker.ts'
import { endProcess, untilListening, type SpawnedServer } from '../server/server.ts'
import { formatBacklog, judgeBacklog, type BacklogFigures } from './backlog-report.ts'
import { ownerOf, spawnIn, startCallboard } from './callboard-server.ts'
import { QUEUE, type Step, type StepOutcome } from './job.ts'
import type { QueueBenchOptions } from './options.ts'
import { drive } from './round.ts'

/** Published, and consumed, when the backlog is there. */
const AT_DEPTH = 100_000
const WARM = 10_000

/** Runs it once and prints it; the number of problems is the answer. */
export async function backlog({ backlog: depth, directory, jsonFile }: QueueBenchOptions, heading: string, about: object, say: (text: string) => void): Promise<number> {
  const problems: string[] = []
  const figures = await measure(depth, directory, problems, say)
  console.log([heading, formatBacklog(depth, figures), ...formatProblems(problems)].join('\n\n'))
  await writeFigures(jsonFile, { ...about, depth, ...figures, verdicts: judgeBacklog(figures), problems })
  return problems.length
}

async function measure(depth: number, directory: string, problems: string[], say: (text: string) => void): Promise<BacklogFigures> {
  const server = await startCallboard(directory, 'fsync')
  const { target } = server
  let again: SpawnedServer | undefined
  try {
    let published = 0
    const run = async (step: Step, pid = server.pid): Promise<StepOutcome> => {
      say(`queue: ${step.kind} ${step.messages} messages`)
      const outcome = await drive({ target, pid }, { steps: [step], before: published, leavesBacklog: true })
      if (step.kind === 'publish') published += step.messages
      problems.push(...outcome.problems)
      say(`queue: ${(peakResidentBytes(pid) / 1024 / 1024).toFixed(0)} MiB resident at most`)
      return outcome.steps[0]!
    }
    const fill = await run({ kind: 'publish', messages: depth, warm: 0 })
    const publish = await run({ kind: 'publish', messages: AT_DEPTH, warm: WARM })
    const consume = await run({ kind: 'consume', messages: Math.min(AT_DEPTH, depth), warm: WARM })
    // The figures leave out what was before them; the queue does not.
    let waiting = published - WARM - consume.messages
    const peaks = [peakResidentBytes(server.pid)]
    const restart = async (): Promise<number> => {
      const beganMs = performance.now()
      again = await spawnIn(target.home)
      const ready = await firstAnswer(target.home, again)
      const seconds = (performance.now() - beganMs) / 1000
      if (ready !== waiting) problems.push(`${ready} messages wait after a restart, ${waiting} were acknowledged and not consumed`)
      return seconds
    }
    await endProcess(server.child)
    say('queue: restart')
    const startSeconds = await restart()
    // Killed with fresh acknowledgements, so that there is something that only the log has.
    waiting += (await run({ kind: 'publish', messages: AT_DEPTH, warm: 0 }, again!.child.pid)).messages
    peaks.push(peakResidentBytes(again!.child.pid!))
    again!.child.kill('SIGKILL')
    await endProcess(again!.child)
    say('queue: restart after kill -9')
    const startKilledSeconds = await restart()
    return { fill, publish, consume, peakBytes: Math.max(...peaks), startSeconds, startKilledSeconds }
  } finally {
    if (again !== undefined) await endProcess(again.child)
    await server.stop()
  }
}

// What may be consumed, as the broker says it in its first authenticated answer about the queue.
async function firstAnswer(home: string, server: SpawnedServer): Promise<number> {
  await untilListening(server, { path: socketPath(home) })
  const owner = await ownerOf(home)
  try {
    return (await owner.call('queue.show', { name: QUEUE })).counts?.ready ?? 0
  } finally {
    await owner.close()
  }
}
