// `callboard queue verify`: whether everything in the store is as it was written. Asks the broker, or reads the files of one that is down.

import { findHolder } from '../../../broker/ground/home-lock.ts'
import type { VerifyReport } from '../../../broker/ground/store.ts'
import type { Context } from '../../context.ts'
import { damageTable } from '../../damage-view.ts'
import { Exit } from '../../failure.ts'
import { plural } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { progress } from '../../progress.ts'
import { withQueue } from '../../queues-named.ts'
import { awaitJob } from '../../store-job.ts'
import { withClient } from '../../with-client.ts'

export async function verifyQueues(context: Context, options: { readonly config?: string }, [name]: readonly string[]): Promise<void> {
  const isRunning = (await findHolder(context.paths)) !== undefined
  const report = await (isRunning ? askBroker(context, name) : readFiles(context, options.config, name))
  const isWhole = report.damages.length === 0
  if (!isWhole) process.exitCode = Exit.failed
  if (context.isJson) return printJson({ ok: isWhole, ...report })
  if (isWhole) return print(`${plural(report.checked, 'message')} checked, all as they were written`)
  await print(`${damageTable(report.damages)}\n\n${plural(report.damages.length, 'damaged place')}, ${plural(report.checked, 'message')} checked\nwhat is intact can be saved: callboard stop, then callboard queue repair --dry-run`)
}

function askBroker(context: Context, name: string | undefined): Promise<VerifyReport> {
  return withClient(context, client => {
    const work = (): Promise<VerifyReport> => awaitJob('verify', context.isJson, query => client.call('queue.verify', { ...query, ...(name !== undefined && { name }) }))
    return name === undefined ? work() : withQueue(client, name, work)
  })
}

async function readFiles(context: Context, config: string | undefined, queue: string | undefined): Promise<VerifyReport> {
  const [{ verifyStore }, { takeStore }, { storePlace }] = await Promise.all([import('../../../broker/store/embedded/verify.ts'), import('../../../broker/store/embedded/store-lock.ts'), import('../../store-place.ts')])
  const { directory } = await storePlace(context, config)
  const lock = takeStore(directory)
  const bar = progress('verify', context.isJson)
  try {
    return await verifyStore({ directory, queue }, (done, total) => bar.at(done, total))
  } finally {
    bar.end()
    lock.release()
  }
}
