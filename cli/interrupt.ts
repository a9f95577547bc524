// Ctrl-C and SIGTERM as an AbortSignal, for commands that wait.

/** Aborted by the first SIGINT, SIGTERM or SIGHUP; after it signals end the process as usual. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => controller.abort())
  return controller.signal
}
