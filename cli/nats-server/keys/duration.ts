// Durations as Go writes them.

const MS_PER_UNIT: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `1h2m3.5s`, `-1s` or `0`, also a part of one; undefined when it is none. */
export function goDurationMs(text: string): number | undefined {
  const [, sign, body = ''] = /^([+-]?)(.+)$/.exec(text) ?? []
  if (body === '0') return 0
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined
  let ms = 0
  for (const [, amount, unit] of body.matchAll(/([\d.]+)([a-zµμ]+)/g)) ms += Number(amount) * MS_PER_UNIT[unit!]!
  return sign === '-' ? -ms : ms
}
