// `callboard queue replay`, `purge`, `pause` and `resume`.

import { setTimeout as delay } from 'node:timers/promises'
import type { Client, QueueChange, QueuePart, QueueSelection } from '../../../client/index.ts'
import { confirm } from '../../confirm.ts'
import type { Context } from '../../context.ts'
import { Failure } from '../../failure.ts'
import { plural } from '../../format.ts'
import { note, print, printJson } from '../../output.ts'
import { progress } from '../../progress.ts'
import { withQueue } from '../../queues-named.ts'
import { withClient } from '../../with-client.ts'

interface SelectOptions {
  readonly all?: true
  readonly filter?: string
  readonly position?: readonly number[]
}

interface Job {
  readonly label: string
  readonly selection: QueueSelection
  /** Where the messages are that it changes. */
  readonly which: QueuePart
  readonly call: (client: Client, selection: QueueSelection) => Promise<QueueChange>
}

/** A queue of ten million takes minutes; the answer comes when all is done. ms */
const LONGEST_MS = 3_600_000
const LOOK_MS = 250

export async function replayQueue(context: Context, options: SelectOptions, [name = '']: readonly string[]): Promise<void> {
  if (options.all === undefined && options.filter === undefined && options.position === undefined) throw Failure.usage('which dead letters?', 'name them with --all, --filter FILTER or --position POSITIONS; they are shown by: callboard queue inspect NAME --dead-letter')
  const job: Job = { label: 'replay', which: 'dead', selection: selectionOf(name, options), call: (client, selection) => client.call('queue.replay', selection, { timeoutMs: LONGEST_MS }) }
  const replayed = await withClient(context, client => withQueue(client, name, () => run(context, client, job)))
  await (context.isJson ? printJson({ queue: name, replayed }) : print(`replayed ${plural(replayed, 'dead letter')} of ${name}`))
}

export async function purgeQueue(context: Context, options: SelectOptions & { readonly deadLetter?: true; readonly yes?: true }, [name = '']: readonly string[]): Promise<void> {
  const which: QueuePart = options.deadLetter ? 'dead' : 'waiting'
  const what = options.deadLetter ? 'dead letter' : 'message'
  const job: Job = { label: 'purge', which, selection: selectionOf(name, options), call: (client, selection) => client.call('queue.purge', { ...selection, which }, { timeoutMs: LONGEST_MS }) }
  const purged = await withClient(context, client =>
    withQueue(client, name, async () => {
      if (!options.yes && !(await mayPurge(client, job, what))) return undefined
      return run(context, client, job)
    }),
  )
  if (purged === undefined) throw new Failure({ code: 'cancelled', message: 'nothing was purged' })
  await (context.isJson ? printJson({ queue: name, purged }) : print(`purged ${plural(purged, what)} of ${name}`))
}

export async function pauseQueue(context: Context, _options: object, [name = '']: readonly string[]): Promise<void> {
  const queue = await withClient(context, client => withQueue(client, name, () => client.call('queue.pause', { name })))
  await (context.isJson ? printJson(queue) : print(`paused ${name}: it takes messages in, and hands none out`))
}

export async function resumeQueue(context: Context, _options: object, [name = '']: readonly string[]): Promise<void> {
  const queue = await withClient(context, client => withQueue(client, name, () => client.call('queue.resume', { name })))
  await (context.isJson ? printJson(queue) : print(`resumed ${name}`))
}

function selectionOf(name: string, { filter, position }: SelectOptions): QueueSelection {
  if (filter !== undefined) return { name, filter }
  return position === undefined ? { name, all: true } : { name, positions: position }
}

async function mayPurge(client: Client, { selection, which }: Job, what: string): Promise<boolean> {
  const { name, filter, positions } = selection
  const there = await countOf(client, name, which)
  const some = positions?.length ?? there
  const question = filter === undefined ? `delete ${plural(some, what)} of ${name} for good?` : `delete those of ${plural(there, what)} of ${name} that pass the filter, for good?`
  return confirm(question, `say --yes to delete ${what}s where nobody can be asked`)
}

/** One call where the store knows by itself what is meant, else one after another; either way somebody may watch. */
async function run(context: Context, client: Client, job: Job): Promise<number> {
  const { selection, which } = job
  const total = await countOf(client, selection.name, which)
  const bar = progress(job.label, context.isJson)
  try {
    return selection.filter === undefined ? await watched(client, job, total, bar) : await paged(client, job, total, bar)
  } finally {
    bar.end()
  }
}

async function watched(client: Client, { call, selection, which }: Job, total: number, bar: ReturnType<typeof progress>): Promise<number> {
  const over = new AbortController()
  const answer = call(client, selection).finally(() => over.abort())
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await delay(LOOK_MS, undefined, { signal: over.signal }).catch(() => {})
      if (!over.signal.aborted) bar.at(Math.max(0, total - (await countOf(client, selection.name, which))), total)
    }
  }
  const [{ changed }] = await Promise.all([answer, watch()])
  return changed
}

async function paged(client: Client, { call, selection }: Job, total: number, bar: ReturnType<typeof progress>): Promise<number> {
  let changed = 0
  let after = 0
  do {
    const answer = await call(client, { ...selection, after })
    changed += answer.changed
    after = answer.next
    bar.at(changed, total)
  } while (after > 0)
  if (changed === 0) note('nothing passed the filter')
  return changed
}

async function countOf(client: Client, name: string, which: QueuePart): Promise<number> {
  const { counts } = await client.call('queue.show', { name })
  if (counts === undefined) return 0
  return which === 'dead' ? counts.deadLetters : counts.ready + counts.delayed + counts.held
}
