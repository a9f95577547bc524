// Prints lines as they come from a file that may still grow. Knows neither the file nor what a line says.

import { print } from './output.ts'

/**
 * Prints what `show` makes of each line; lines for which that is undefined are passed over. Of what is there already, up to
 * the first null, only the last `limit`.
 */
export async function printLines(lines: AsyncIterable<string | null>, limit: number, show: (line: string) => string | undefined): Promise<void> {
  // Held back until the end of what is there is reached.
  let held: string[] | undefined = []
  for await (const line of lines) {
    if (line === null) {
      for (const each of held ?? []) await print(each)
      held = undefined
      continue
    }
    const shown = show(line)
    if (shown === undefined) continue
    if (held === undefined || limit === Infinity) await print(shown)
    else if (held.push(shown) > limit) held.shift()
  }
  for (const each of held ?? []) await print(each)
}
