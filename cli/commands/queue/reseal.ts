// `callboard queue reseal`: every message under the first key, while no broker uses the store.

import { resealStore } from '../../../broker/store/embedded/reseal.ts'
import type { Context } from '../../context.ts'
import { damageTable } from '../../damage-view.ts'
import { Exit, Failure } from '../../failure.ts'
import { plural } from '../../format.ts'
import { print, printJson } from '../../output.ts'
import { progress } from '../../progress.ts'
import { storePlace } from '../../store-place.ts'

export async function resealQueues(context: Context, options: { readonly config?: string }): Promise<void> {
  const { directory, keys } = await storePlace(context, options.config)
  if (keys === undefined) throw new Failure({ code: 'store.key', message: 'the configuration names no keys (store.key)', hint: 'name the new one first in store.embedded.encryption.keys, and the old ones behind it' })
  const bar = progress('reseal', context.isJson)
  const report = ((): ReturnType<typeof resealStore> => {
    try {
      return resealStore({ directory, keys }, (done, total) => bar.at(done, total))
    } finally {
      bar.end()
    }
  })()
  if (report.damages.length > 0) process.exitCode = Exit.failed
  if (context.isJson) return printJson(report)
  await print(`sealed ${plural(report.resealed, 'message')} anew with key ${report.key}`)
  if (report.damages.length === 0) return print('no other key is needed any more: take them out of store.embedded.encryption.keys')
  await print(`\n${damageTable(report.damages)}\n\nthese could not be read; needed still: ${report.stillNeeded.join(', ') || 'no other key'}`)
}
