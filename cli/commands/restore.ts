// `callboard restore`: puts a backup into a home whose broker does not run, or says what is in it.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BrokerError } from '../../broker/ground/errors.ts'
import { findHolder } from '../../broker/ground/home-lock.ts'
import { prepareHome } from '../../broker/ground/home.ts'
import type { BackupContents } from '../../broker/store/embedded/backup-file.ts'
import { restoreStore } from '../../broker/store/embedded/restore.ts'
import type { Context } from '../context.ts'
import { damageTable } from '../damage-view.ts'
import { formatBytes, formatCount, formatDateTime, plural } from '../format.ts'
import { note, print, printJson } from '../output.ts'
import { progress } from '../progress.ts'
import { homeFiles, RestoredFiles } from '../restored-files.ts'
import { storePlace } from '../store-place.ts'
import { formatFields, formatTable, type Column } from '../table.ts'

const columns: readonly Column<BackupContents['queues'][number]>[] = [
  { title: 'QUEUE', cell: ({ name }) => name },
  { title: 'MESSAGES', align: 'right', cell: ({ messages }) => formatCount(messages) },
  { title: 'DEAD LETTERS', align: 'right', cell: ({ deadLetters }) => formatCount(deadLetters) },
]

interface RestoreOptions {
  readonly dryRun?: true
  readonly replace?: true
  readonly config?: string
}

export async function restore(context: Context, options: RestoreOptions, [file = '']: readonly string[]): Promise<void> {
  const { paths } = context
  const holder = await findHolder(paths)
  if (holder !== undefined) throw new BrokerError('broker.held', { home: paths.home, pid: String(holder.pid) })
  const [isDryRun, isReplacing] = [options.dryRun === true, options.replace === true]
  const { directory } = await storePlace(context, options.config)
  const present = homeFiles.filter(name => existsSync(join(paths.home, name)))
  if (present.length > 0 && !isReplacing) throw new BrokerError('store.not_empty', { path: paths.home, what: present.join(' and ') })
  const bar = progress('restore', context.isJson)
  const homes = new RestoredFiles(paths.home)
  const onWhole = (contents: BackupContents): void => {
    prepareHome(paths.home)
    homes.write(contents, file)
  }
  const report = ((): ReturnType<typeof restoreStore> => {
    try {
      return restoreStore({ file, directory, isDryRun, isReplacing, onWhole }, (done, total) => bar.at(done, total))
    } catch (error) {
      homes.abandon()
      throw error
    } finally {
      bar.end()
    }
  })()
  const asides = isDryRun ? [] : homes.put()
  const { createdAtMs, broker, databaseBytes, queues, damaged } = report.contents
  if (context.isJson) return printJson({ dryRun: isDryRun, createdAt: createdAtMs, broker, bytes: databaseBytes, queues, damages: report.damages, damaged, aside: [report.aside, ...asides].filter(Boolean) })
  await print(formatFields([['backup of', broker], ['made', formatDateTime(createdAtMs)], ['store', formatBytes(databaseBytes)], ['queues', String(queues.length)]]))
  if (queues.length > 0) await print(`\n${formatTable(columns, queues)}`)
  await print(isDryRun ? '\nthe backup is whole; nothing was changed' : `\nrestored into ${paths.home}; start it with: callboard start`)
  for (const aside of [report.aside, ...asides].filter(Boolean)) note(`what was there before: ${aside}`)
  if (damaged > 0) note(`it was damaged in ${plural(damaged, 'place')} when it was made:\n${damageTable(report.damages)}\nsee callboard queue repair`)
}
