// How a server's options have its log.

import type { ServerOptions } from './options.ts'
import type { ServerLogOptions } from './server-log.ts'

export function logOptions({ logFile, logFileLimit, logtime, debug, trace }: ServerOptions): ServerLogOptions {
  return { file: logFile, maxFileBytes: logFileLimit ?? 0, hasTime: logtime !== false, isDebug: debug === true, isTrace: trace === true }
}
