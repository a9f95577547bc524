// What the configuration says of shared memory, and its defaults.

/** Memory in which large frames pass beside the Unix socket. */
export interface SharedMemorySettings {
  readonly enabled: boolean
  /** What is written in one piece goes this way from this size on. bytes, 65536..16777216 */
  readonly thresholdBytes: number
  /** Most that the broker has on loan and keeps for the next loan. bytes, 16777216..1073741824 */
  readonly limitBytes: number
}

const KIB = 1024
const MIB = 1024 * KIB

/** Below 256 KiB the socket is as fast: docs/adr/0025. */
export const defaultSharedMemory: SharedMemorySettings = { enabled: true, thresholdBytes: 256 * KIB, limitBytes: 128 * MIB }
