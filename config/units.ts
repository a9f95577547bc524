// Durations, sizes and rates in one import, for the command line too. Loads no schema library.

export { formatDuration, parseDuration } from './duration.ts'
export { formatRate, parseRate, type Rate } from './rate.ts'
export { formatSize, parseSize } from './size.ts'
