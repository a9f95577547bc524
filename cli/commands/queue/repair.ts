// `callboard queue repair`: makes a damaged store whole again while no broker uses it.

import { repairStore } from '../../../broker/store/embedded/repair.ts'
import type { Context } from '../../context.ts'
import { damageTable } from '../../damage-view.ts'
import { plural } from '../../format.ts'
import { note, print, printJson } from '../../output.ts'
import { progress } from '../../progress.ts'
import { storePlace } from '../../store-place.ts'
import { formatFields } from '../../table.ts'

export async function repairQueues(context: Context, options: { readonly dryRun?: true; readonly config?: string }, [queue]: readonly string[]): Promise<void> {
  const place = await storePlace(context, options.config)
  const isDryRun = options.dryRun === true
  const bar = progress('repair', context.isJson)
  const report = await repairStore({ ...place, queue, isDryRun }, (done, total) => bar.at(done, total)).finally(() => bar.end())
  if (context.isJson) return printJson({ dryRun: isDryRun, ...report })
  if (report.damages.length === 0) return print(`${plural(report.checked, 'message')}${queue === undefined ? '' : ` of ${queue}`} checked, all as they were written: nothing to repair`)
  await print(`${damageTable(report.damages)}\n`)
  if (queue !== undefined) note(`all queues stand in one store: with ${queue} the others are repaired`)
  await print(
    formatFields([
      [isDryRun ? 'would keep' : 'kept', plural(report.salvaged, 'message')],
      ['of those', `${report.begunAnew} begin anew, since their attempts were damaged`],
      ...(isDryRun ? [] : ([['quarantine', report.quarantine || 'nothing that could not be understood'], ['old files', report.aside]] as [string, string][])),
    ]),
  )
}
