// Shows the value of a metric in the unit that its name ends in.

import { formatBytes, formatCount, formatDuration } from './format.ts'

const MS_PER_SECOND = 1000

/** `1.5 MiB` for `…_bytes`, `12 %` for `…_ratio`, `4.2 s` for `…_seconds`, otherwise a number. */
export function formatMetric(name: string, value: number): string {
  const unit = /_(bytes|ratio|seconds|ms)(?:_total)?$/.exec(name)?.[1]
  if (unit === 'bytes') return formatBytes(value)
  if (unit === 'ratio') return `${Number((value * 100).toFixed(1))} %`
  if (unit === 'seconds') return formatDuration(value * MS_PER_SECOND)
  return unit === 'ms' ? formatDuration(value) : formatCount(Number(value.toFixed(3)))
}

/** `3.4/s`, with the digits that mean something. */
export function formatRate(perSecond: number): string {
  return `${formatCount(perSecond >= 100 ? Math.round(perSecond) : Number(perSecond.toPrecision(2)))}/s`
}
