// Times and durations as programs written in Go print them, which readers of the monitoring endpoints parse.

/** RFC 3339 in UTC with microseconds: `2026-11-21T18:05:02.831294Z`. */
export function timestamp(wallMicros: number): string {
  const micros = Math.floor(wallMicros)
  const text = new Date(Math.floor(micros / 1000)).toISOString()
  return `${text.slice(0, -1)}${String(micros % 1000).padStart(3, '0')}Z`
}

/** Letters of units, and how many of each make one of the next. */
const UNITS = [
  ['s', 60],
  ['m', 60],
  ['h', 24],
  ['d', 365],
  ['y', Infinity],
] as const

/** Whole seconds as `1y2d3h4m5s`, without the larger parts that are zero; below a second `0s`. */
export function uptime(ms: number): string {
  let rest = Math.max(0, Math.floor(ms / 1000))
  let text = ''
  for (const [letter, base] of UNITS) {
    text = `${base === Infinity ? rest : rest % base}${letter}${text}`
    rest = Math.floor(rest / base)
    if (rest === 0) break
  }
  return text
}

/** A duration below minutes: `0s`, `308µs`, `1.25ms`, `2.5s`. */
export function duration(micros: number): string {
  const whole = Math.round(micros)
  if (whole === 0) return '0s'
  if (whole < 1000) return `${whole}µs`
  return whole < 1_000_000 ? `${whole / 1000}ms` : `${whole / 1_000_000}s`
}
