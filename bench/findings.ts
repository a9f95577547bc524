// Tells what a measurement found: figures to people and, as JSON, to programs; its problems to both.

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** A paragraph of its own, where there are problems. */
export function formatProblems(problems: readonly string[]): string[] {
  return problems.length === 0 ? [] : [['problems:', ...problems].join('\n  ')]
}

/** Writes the figures where `--json` says, in a folder that is made when it is not there; nowhere without. */
export async function writeFigures(jsonFile: string | undefined, figures: object): Promise<void> {
  if (jsonFile === undefined) return
  await mkdir(dirname(jsonFile), { recursive: true })
  await writeFile(jsonFile, `${JSON.stringify(figures, undefined, 2)}\n`)
}
