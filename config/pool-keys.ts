// The block `pool`: threads for what takes long, and from which sizes on they are used.

import { defaultSettings } from '../broker/ground/settings.ts'
import { block, defaulted } from './keys.ts'
import { count, size } from './kinds.ts'
import { formatSize } from './size.ts'

const { pool } = defaultSettings
const MIB = 1024 * 1024

export const poolBlock = block({
  threads: defaulted(count(0, 64), pool.threads, 'Threads at most; they start with the first work for them. 0: one less than the machine has cores, at least 1.'),
  signatureAbove: defaulted(size(0, 16 * MIB), formatSize(pool.signatureAboveBytes), 'Signatures of frames from this size on are checked by a thread.'),
  compressAbove: defaulted(size(256, 16 * MIB), formatSize(pool.compressAboveBytes), 'Payloads from this size on are compressed, by a thread, when `ipc.performance.compressionEnabled` is on.'),
  deflateAbove: defaulted(size(0, 16 * MIB), formatSize(pool.deflateAboveBytes), 'WebSocket messages from this size on are deflated, by a thread, when `network.websocket.compression` is on.'),
})
