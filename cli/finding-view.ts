// Prints what a check found: a line, and below it what to do.

import { marks } from './checks/mark.ts'
import type { Finding } from './checks/finding.ts'
import { print } from './output.ts'
import { paint } from './table.ts'

const CHECK_WIDTH = 12

export async function printFinding({ state, check, text, remedy }: Finding): Promise<void> {
  await print(`${marks[state]}  ${check.padEnd(CHECK_WIDTH)}  ${text}`)
  if (remedy !== undefined) await print(`${' '.repeat(CHECK_WIDTH + 8)}${paint('cyan', `→ ${remedy}`)}`)
}
