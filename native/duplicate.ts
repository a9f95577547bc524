// Duplicates descriptors, for which Node has no function. Knows nothing of what they lead to.

import { createRequire } from 'node:module'
import type * as Koffi from 'koffi'

type FileControl = (fd: number, command: number, type: 'int', value: number) => number

// fcntl.h: close-on-exec, so that no agent gets it.
const F_DUPFD_CLOEXEC = process.platform === 'darwin' ? 67 : 1030
/** Above the standard streams. */
const LOWEST = 3

/** Another descriptor of what `fd` leads to; undefined where the system cannot be asked, or has none to spare. */
export function duplicate(fd: number): number | undefined {
  if (process.platform === 'win32') return undefined
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
    const control = koffi.load(null).func('int fcntl(int fd, int command, ...)') as unknown as FileControl
    const copy = control(fd, F_DUPFD_CLOEXEC, 'int', LOWEST)
    return copy < 0 ? undefined : copy
  } catch {
    return undefined
  }
}
