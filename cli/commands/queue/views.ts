// `callboard queue ls`, `status` and `stats`.

import type { ApiAnswer, Client, QueueInfo } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { note, print, printJson } from '../../output.ts'
import { deadTable, type QueuedRow } from '../../queued-view.ts'
import { deadLetterTable, queueFields, queueTable, statsTable, statusTable, storeFields } from '../../queue-view.ts'
import { noQueues, queuesNamed } from '../../queues-named.ts'
import { withClient } from '../../with-client.ts'

/** Dead letters of each queue that the status shows. */
const SHOWN_DEAD = 5

export async function listQueues(context: Context): Promise<void> {
  const answer = await withClient(context, client => client.call('queue.list'))
  if (context.isJson) return printJson(answer)
  await (answer.queues.length === 0 ? note(noQueues) : print(queueTable(answer.queues)))
}

export async function queueStatus(context: Context, options: { readonly deadLetter?: true }, names: readonly string[]): Promise<void> {
  if (options.deadLetter) return deadLetterStatus(context, names)
  const answer = await withClient(context, client => queuesNamed(client, names))
  if (context.isJson) return printJson(answer)
  const { store, queues } = answer
  await print(storeFields(store))
  if (queues.length === 0) return note(noQueues)
  await print(`\n${names.length === 0 ? statusTable(queues) : queues.map(queue => queueFields(queue)).join('\n\n')}`)
  await tellProblems(names.length === 0 ? queues : [])
}

export async function queueStats(context: Context, options: { readonly detailed?: true }, names: readonly string[]): Promise<void> {
  const answer = await withClient(context, client => queuesNamed(client, names))
  if (context.isJson) return printJson(answer)
  const { queues, store } = answer
  if (queues.length === 0) return note(noQueues)
  await print(statsTable(queues))
  if (options.detailed) await print(`\n${storeFields(store)}\n\n${queues.map(queue => queueFields(queue)).join('\n\n')}`)
}

async function deadLetterStatus(context: Context, names: readonly string[]): Promise<void> {
  const { answer, dead } = await withClient(context, async client => {
    const answer = await queuesNamed(client, names)
    return { answer, dead: await oldestDead(client, answer.queues) }
  })
  if (context.isJson) return printJson({ ...answer, deadLetters: dead })
  if (answer.queues.length === 0) return note(noQueues)
  await print(deadLetterTable(answer.queues))
  if (dead.length === 0) return note('no dead letters')
  await print(`\n${deadTable(dead)}`)
  note('the oldest; all of them: callboard queue inspect NAME --dead-letter, again: callboard queue replay NAME --all')
}

async function oldestDead(client: Client, queues: ApiAnswer<'queue.list'>['queues']): Promise<QueuedRow[]> {
  const rows: QueuedRow[] = []
  for (const { name, counts } of queues) {
    if (counts === undefined || counts.deadLetters === 0) continue
    const { messages } = await client.call('queue.inspect', { name, which: 'dead', limit: SHOWN_DEAD })
    rows.push(...messages.map(message => ({ queue: name, ...message })))
  }
  return rows
}

async function tellProblems(queues: readonly QueueInfo[]): Promise<void> {
  for (const { name, problem } of queues) if (problem !== undefined) await print(`${name}: ${problem.message}`)
}
