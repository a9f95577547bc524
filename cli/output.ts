// Writes to stdout and stderr, and survives a reader that leaves early (`| head`).

import { once } from 'node:events'

/** A closed pipe ends the command in silence and with the exit code that stands: the reader had enough. Called once. */
export function guardPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit()
      throw error
    })
  }
}

/** One text and a line end on stdout. Resolves when more may follow, so that a slow reader slows the source down. */
export async function print(text: string): Promise<void> {
  if (!process.stdout.write(`${text}\n`)) await once(process.stdout, 'drain')
}

/** One value as one line of JSON on stdout. */
export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value))
}

/** A remark beside the data, on stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
