// `callboard top`: the busiest parts of a broker, live; or once, for programs.

import type { Context } from '../context.ts'
import { showLive, type LiveOptions } from '../top/live.ts'
import { rowsOf, sorted, type SortKey } from '../top/rows.ts'
import { takeSample } from '../top/sample.ts'
import { formatTop, keysOf } from '../top/screen.ts'

export async function top(context: Context, options: LiveOptions<SortKey>): Promise<void> {
  await showLive(context, options, { keys: keysOf, take: takeSample, rows: (before, now, sort) => sorted(rowsOf(before, now), sort), format: formatTop })
}
