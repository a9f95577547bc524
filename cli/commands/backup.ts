// `callboard backup`: one file of all that a restore needs, from a broker that goes on working.

import { resolve } from 'node:path'
import type { Context } from '../context.ts'
import { damageTable } from '../damage-view.ts'
import { Exit } from '../failure.ts'
import { formatBytes, plural } from '../format.ts'
import { note, print, printJson } from '../output.ts'
import { awaitJob } from '../store-job.ts'
import { withClient } from '../with-client.ts'

export async function backup(context: Context, _options: object, [name = '']: readonly string[]): Promise<void> {
  const file = resolve(name)
  const report = await withClient(context, client => awaitJob('backup', context.isJson, query => client.call('store.backup', { ...query, file })))
  // The copy is as good as what it was made of: somebody must look.
  if (report.damages.length > 0) process.exitCode = Exit.failed
  if (context.isJson) return printJson({ file, ...report })
  const messages = report.queues.reduce((sum, queue) => sum + queue.messages + queue.deadLetters, 0)
  await print(`${plural(messages, 'message')} of ${plural(report.queues.length, 'queue')} in ${file}, ${formatBytes(report.bytes)}`)
  if (report.damages.length > 0) note(`\n${damageTable(report.damages)}\n\nthe store is damaged, and so is the backup: see callboard queue verify`)
}
