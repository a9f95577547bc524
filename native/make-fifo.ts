// Makes FIFOs, for which Node has no function. Knows nothing of who uses them.

import { createRequire } from 'node:module'
import { getSystemErrorName } from 'node:util'
import type * as Koffi from 'koffi'

type MakeFifo = (path: string, mode: number) => number

/** For its owner alone. @throws Error that says why there is none */
export function makeFifo(path: string): void {
  if (process.platform === 'win32') throw new Error('this system has no FIFOs')
  const koffi = createRequire(import.meta.url)('koffi') as typeof Koffi
  const make = koffi.load(null).func('int mkfifo(const char *path, uint32 mode)') as unknown as MakeFifo
  if (make(path, 0o600) !== 0) throw new Error(`mkfifo ${path}: ${getSystemErrorName(-koffi.errno())}`)
}
