// Single runs of a broker whose recording is looked at: profiled, or with and without.

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { runLoad } from '../load/process.ts'
import type { Outcome } from '../load/job.ts'
import { connectOwner, startBroker } from '../server/broker.ts'
import type { MessageWorkload } from '../workloads.ts'
import { selfTime, type CpuProfile, type SelfTime } from './profile.ts'
import { recorderParts } from './recorder-parts.ts'

const WARM_MS = 1000
/** A C1 window of 2 s has ten thousand samples then; the default interval of 1 ms would leave the share to chance. */
const SAMPLE_EVERY_MICROS = 200

const withoutRecorder = pathToFileURL(join(import.meta.dirname, 'without-recorder.ts')).href

/**
 * Deliveries per second of the broker's CPU time, with recording or without.
 * @throws Error when the load had problems, or when the broker recorded though it should not have, or the other way round
 */
export async function rateOf(workload: MessageWorkload, windowMs: number, isRecording: boolean): Promise<number> {
  const { outcome, recorded } = await run(workload, windowMs, isRecording ? [] : ['--import', withoutRecorder])
  if (recorded > 0 !== isRecording) throw new Error(isRecording ? 'the broker recorded nothing' : 'the broker recorded, though recording was taken out of it')
  return outcome.deliveries / outcome.serverCpuSeconds
}

/**
 * The recorder's own share of the broker's time.
 * @throws Error when the profile has no recorder in it: it was not measured then
 */
export async function profiledShare(workload: MessageWorkload, windowMs: number): Promise<SelfTime> {
  const directory = await mkdtemp(join(tmpdir(), 'cb-profile-'))
  try {
    const { outcome } = await run(workload, windowMs, ['--cpu-prof', `--cpu-prof-dir=${directory}`, `--cpu-prof-interval=${SAMPLE_EVERY_MICROS}`])
    const time = selfTime(await readProfile(directory), recorderParts, outcome.fromMicros, outcome.toMicros)
    if (time.busySamples === 0) throw new Error('the profile has no samples of the window')
    if (!time.isSeen) throw new Error('no function of the recorder is in the profile: see bench/recorder/recorder-parts.ts')
    return time
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function run(workload: MessageWorkload, windowMs: number, nodeArgs: readonly string[]): Promise<{ outcome: Outcome; recorded: number }> {
  const server = await startBroker('own', nodeArgs)
  try {
    const outcome = await runLoad({ kind: 'measure', target: server.target, workload, warmMs: WARM_MS, windowMs })
    if (outcome.problems.length > 0) throw new Error(outcome.problems.join('; '))
    const client = await connectOwner(server)
    const { to } = await client.call('trace.show', { limit: 1 })
    await client.close()
    return { outcome, recorded: to }
  } finally {
    await server.stop()
  }
}

// Worker threads leave profiles of their own: the main thread's is the largest.
async function readProfile(directory: string): Promise<CpuProfile> {
  const texts = await Promise.all((await readdir(directory)).map(name => readFile(join(directory, name), 'utf8')))
  const largest = texts.toSorted((a, b) => b.length - a.length)[0]
  if (largest === undefined) throw new Error('the broker left no profile')
  return JSON.parse(largest) as CpuProfile
}
