// Numbers, times and untrusted text in the form that people read.

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Two units at most: `340 ms`, `4.2 s`, `3 m 20 s`, `2 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(ms < 1 ? 3 : 2))} ms`
  if (ms < SECOND) return `${Math.round(ms)} ms`
  if (ms < MINUTE) return `${Number((Math.floor(ms / 100) / 10).toFixed(1))} s`
  if (ms < HOUR) return pair(ms, MINUTE, 'm', SECOND, 's')
  return ms < DAY ? pair(ms, HOUR, 'h', MINUTE, 'm') : pair(ms, DAY, 'd', HOUR, 'h')
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((ms % large) / small)
  return `${Math.floor(ms / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`
}

/** As `formatDuration`, for what is counted in microseconds: `7 µs`, `1.2 ms`. */
export function formatMicros(micros: number): string {
  return micros < 1000 ? `${Math.round(micros)} µs` : formatDuration(micros / 1000)
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** `512 B`, `1.5 KiB`, `12 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let size = 0
  while (value >= 1024 && size < SIZES.length - 1) {
    value /= 1024
    size++
  }
  return `${size === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${SIZES[size]}`
}

/** Thousands apart: `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 message`, `2 messages`; `many` where the plural is another word. */
export function plural(count: number, word: string, many = `${word}s`): string {
  return `${formatCount(count)} ${count === 1 ? word : many}`
}

/** Local time of day with milliseconds, of milliseconds since the epoch. */
export function formatTime(epochMs: number): string {
  const date = new Date(epochMs)
  const digits = (value: number, width = 2): string => String(value).padStart(width, '0')
  return `${digits(date.getHours())}:${digits(date.getMinutes())}:${digits(date.getSeconds())}.${digits(date.getMilliseconds(), 3)}`
}

/** Local date and time, `2026-11-21 12:03:04.123`, of milliseconds since the epoch. */
export function formatDateTime(epochMs: number): string {
  const date = new Date(epochMs)
  const digits = (value: number): string => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${digits(date.getMonth() + 1)}-${digits(date.getDate())} ${formatTime(epochMs)}`
}

/** The text with control characters other than tab written out: what somebody sent must not steer the reader's terminal. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- finding them is the purpose
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/g, char => (char === '\n' ? '\\n' : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`))
}
