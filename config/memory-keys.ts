// The block `sharedMemory`: memory in which large frames pass beside the Unix socket.

import { defaultSettings } from '../broker/ground/settings.ts'
import { defaulted, switchable } from './keys.ts'
import { flag, size } from './kinds.ts'
import { formatSize } from './size.ts'

const { sharedMemory } = defaultSettings
const KIB = 1024
const MIB = 1024 * KIB

export const sharedMemoryBlock = switchable({
  enabled: defaulted(flag, sharedMemory.enabled, 'Let large frames pass between this broker and programs of the same user in files of /dev/shm; they travel on the socket where that cannot be.'),
  threshold: defaulted(size(64 * KIB, 16 * MIB), formatSize(sharedMemory.thresholdBytes), 'What is written in one piece goes this way from this size on.'),
  limit: defaulted(size(16 * MIB, 1024 * MIB), formatSize(sharedMemory.limitBytes), 'Most memory that the broker takes for it; a receiver may hold a quarter. What is more travels on the socket. Each sender has up to 64mb of its own beside.'),
})
