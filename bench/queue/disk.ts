// What stands below the stores: the file system of a directory, and how long its disk takes to say that something is on it.

import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Latencies, type LatencySummary } from '../measure/latencies.ts'

export interface Disk {
  readonly directory: string
  /** As /proc/mounts has it: `ext4 on /dev/vda`. */
  readonly fileSystem: string
  /** false: its files are in memory, and fsync means nothing. */
  readonly isDisk: boolean
  /** Of an append of 4 KiB with fdatasync. */
  readonly fdatasync: LatencySummary
}

const APPENDS = 200
const APPEND_BYTES = 4096

export function describeDisk(directory: string): Disk {
  const { type, device } = mountOf(directory, readFileSync('/proc/mounts', 'utf8'))
  return { directory, fileSystem: `${type} on ${device}`, isDisk: type !== 'tmpfs' && type !== 'ramfs', fdatasync: measureFdatasync(directory) }
}

/** The mount that holds a directory, from the text of /proc/mounts: the longest of those above it, and of equal ones the last. */
export function mountOf(directory: string, mounts: string): { readonly type: string; readonly device: string } {
  let found = { type: 'unknown', device: 'unknown', length: -1 }
  for (const line of mounts.split('\n')) {
    const [device = '', point = '', type = ''] = line.split(' ')
    const isAbove = point !== '' && (directory === point || directory.startsWith(point.endsWith('/') ? point : `${point}/`))
    if (isAbove && point.length >= found.length) found = { type, device, length: point.length }
  }
  return { type: found.type, device: found.device }
}

function measureFdatasync(directory: string): LatencySummary {
  const file = join(directory, `cb-bench-${process.pid}.fdatasync`)
  const latencies = new Latencies()
  const bytes = new Uint8Array(APPEND_BYTES)
  const descriptor = openSync(file, 'w')
  try {
    for (let i = 0; i < APPENDS; i++) {
      const beganMs = performance.now()
      writeSync(descriptor, bytes)
      fdatasyncSync(descriptor)
      latencies.record((performance.now() - beganMs) * 1000)
    }
  } finally {
    closeSync(descriptor)
    rmSync(file, { force: true })
  }
  return latencies.summary()
}
