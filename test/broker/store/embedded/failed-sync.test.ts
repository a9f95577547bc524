// A sync fails, the system takes what was to be synced for clean, and the machine loses power later: what was acknowledged since is there.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { EngineRig } from '../../../support/engine-rig.ts'
import { path as program, type FailingDiskStory } from '../../../support/failing-disk-program.ts'
import { LossyDisk, startMachine } from '../../../support/power-loss.ts'
import { readCalls, straceInto, straceTest, type SystemCall } from '../../../support/system-calls.ts'
import { temporaryDirectory } from '../../../support/temporary-directory.ts'

/** What the program said, and its calls. `failing`: number of the sync that fails, from 1. */
async function traced(t: ExecutionContext, directory: string, story: FailingDiskStory, failing?: number): Promise<{ words: string[]; calls: SystemCall[] }> {
  const trace = join(temporaryDirectory(t), 'calls')
  const [strace, ...options] = straceInto(trace)
  const injection = failing === undefined ? [] : ['-e', `inject=fsync,fdatasync:error=EIO:when=${failing}`]
  const { status, stdout, stderr } = spawnSync(strace!, [...options, ...injection, process.execPath, program, directory, story], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the program ended with ${status}: ${stderr}`)
  const calls: SystemCall[] = []
  for await (const call of readCalls(trace)) calls.push(call)
  return { words: stdout.trim().split('\n'), calls }
}

/** How many syncs come before the one that is to fail: the same in all stories. */
async function syncsBefore(t: ExecutionContext): Promise<number> {
  const { calls } = await traced(t, join(temporaryDirectory(t), 'store'), 'again')
  const now = calls.findIndex(call => call.kind === 'write' && call.fd === 1 && call.bytes.toString() === 'now\n')
  return calls.slice(0, now).filter(({ kind }) => kind === 'sync').length
}

/** Texts that are there after a loss of power with which all goes that was not synced, and what is said to be damaged. */
function texts(t: ExecutionContext, directory: string, calls: readonly SystemCall[]): { texts: string[]; damages: string[] } {
  const disk = new LossyDisk(directory)
  for (const call of calls) disk.apply(call)
  const image = join(temporaryDirectory(t), 'image')
  disk.image(image, undefined)
  startMachine(image)
  const rig = new EngineRig(image)
  rig.demand(rig.queue(), 10)
  rig.engine.close()
  return { texts: rig.leases.map(({ text }) => text), damages: rig.damages }
}

// One for all, as each process is traced.
straceTest('failed sync: what is acknowledged later is there after a loss of power, in this life of the store and in the next', async t => {
  t.timeout(200_000)
  // The first append is one sync more than what comes before it.
  const failing = (await syncsBefore(t)) + 2
  for (const [story, failed, kept] of [
    ['commit', ['that fails: refused 1 store.unavailable'], ['before', 'for the system', 'behind it']],
    ['write-back', [], ['before', 'for the system', 'behind it']],
  ] as const) {
    const directory = join(temporaryDirectory(t), 'store')
    const { words, calls } = await traced(t, directory, story, failing)
    t.deepEqual(words, ['before: stored 1+1', 'now', ...failed, `behind it: stored 3+1`], story)
    t.is(calls.filter(({ kind }) => kind === 'sync-failed').length, 1, story)
    t.deepEqual(texts(t, directory, calls), { texts: kept, damages: [] }, story)
  }
  const directory = join(temporaryDirectory(t), 'store')
  const first = await traced(t, directory, 'next-life', failing)
  t.deepEqual(first.words.slice(2), ['that fails: refused 1 store.unavailable'])
  const second = await traced(t, directory, 'again')
  const { texts: kept, damages } = texts(t, directory, [...first.calls, ...second.calls])
  // The one that failed may be kept: nobody was told that it is not.
  t.deepEqual([kept.filter(text => text !== 'that fails'), damages], [['before', 'for the system', 'behind it'], []])
})
