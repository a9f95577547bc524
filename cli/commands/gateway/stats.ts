// `callboard gateway stats`: what went through the broker over a time, as sums, rates and a curve.

import type { HistorySeries } from '../../../client/index.ts'
import type { Context } from '../../context.ts'
import { formatDuration } from '../../format.ts'
import { formatMetric, formatRate } from '../../metric-format.ts'
import { print, printJson } from '../../output.ts'
import { sparkline } from '../../sparkline.ts'
import { formatTable, type Column } from '../../table.ts'
import { withClient } from '../../with-client.ts'

interface StatsOptions {
  readonly period: number
  readonly metrics: readonly string[]
}

/** Points of a curve: half the width of a narrow terminal. */
const POINTS = 40

const name: Column<HistorySeries> = { title: 'METRIC', cell: series => series.name }
const curve: Column<HistorySeries> = { title: 'OVER TIME', cell: series => sparkline(series.points) }

const counterColumns: readonly Column<HistorySeries>[] = [
  name,
  { title: 'TOTAL', align: 'right', cell: series => formatMetric(series.name, series.value) },
  { title: 'RATE', align: 'right', cell: series => formatRate(series.rate ?? 0) },
  curve,
]

const gaugeColumns: readonly Column<HistorySeries>[] = [
  name,
  { title: 'NOW', align: 'right', cell: series => formatMetric(series.name, series.value) },
  { title: 'PEAK', align: 'right', cell: series => formatMetric(series.name, series.peak ?? series.value) },
  curve,
]

export async function stats(context: Context, options: StatsOptions): Promise<void> {
  const { period, metrics } = options
  const answer = await withClient(context, client => client.call('history', { periodMs: period, metrics, points: POINTS }))
  if (context.isJson) return printJson(answer)
  const { coversMs, resolutionMs, series } = answer
  // A broker that started later has nothing older.
  const isShort = coversMs < period - resolutionMs
  await print(`the last ${formatDuration(isShort ? Math.round(coversMs) : period)}${isShort ? ', since the broker started' : ''}; a sample every ${formatDuration(resolutionMs)}`)
  const tables = [formatKind('counter', counterColumns), formatKind('gauge', gaugeColumns)].filter(text => text !== '')
  await print(`\n${tables.join('\n\n')}`)

  function formatKind(kind: HistorySeries['kind'], columns: readonly Column<HistorySeries>[]): string {
    const rows = series.filter(each => each.kind === kind)
    return rows.length === 0 ? '' : formatTable(columns, rows)
  }
}
