// Writes docs/config-keys.md from the schema and the table of later keys: `node scripts/config-keys.ts`. A test holds the page to them.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type KeyRow, keyRows } from '../config/key-list.ts'

const HEAD = `<!-- Written by scripts/config-keys.ts from config/; change it there. -->

# Configuration keys

The broker reads \`--config FILE\`, else \`config.json\`, \`config.jsonc\`, \`config.yaml\` or \`config.yml\` in its home; without a file the
defaults hold. JSON may have comments and trailing commas. Every wrong key or value is reported with its line and column, and the
broker does not start (exit code 2).

- A **duration** is \`200ms\`, \`5s\`, \`5m\`, \`12h\`, \`30d\`, or a number of milliseconds. A **size** is \`512b\`, \`16kb\`, \`1mb\`, \`2gb\`, or a
  number of bytes; 1kb is 1024 bytes. A **rate** is \`100rpm\` (a minute) or \`10rps\` (a second).
- A relative **path** starts at the directory of the configuration file; \`~/\` is the home of the user. A \`command\` is looked up on the
  PATH, or starts at \`cwd\` when it begins with \`./\`.
- \`[]\` stands for an item of a list, \`*\` for a name of your choice.
- **State** says what works. What is known and does not work yet is refused with the reason given here; it is never ignored.

Editors complete and check the file by \`config/schema.json\`: \`"$schema": "…/config/schema.json"\` in JSON, or
\`# yaml-language-server: $schema=…/config/schema.json\` as the first line of YAML.
`

/** The page as Markdown: one table per block of keys that work, one of the keys that come later. */
export function configKeysPage(): string {
  const rows = keyRows()
  const isLater = (row: KeyRow): boolean => row.state.startsWith('later')
  const working = Map.groupBy(rows.filter(row => !isLater(row)), row => /^[^.[]+/.exec(row.path)![0])
  const sections = [...working].map(([block, rows]) => table(block, ['key', 'type', 'default', 'allowed', 'state', 'meaning'], rows.map(row => [code(row.path), row.type, fallback(row), row.allowed, row.state, row.about])))
  const later = table('Not in this version', ['key', 'type', 'default', 'state'], rows.filter(isLater).map(row => [code(row.path), row.type, fallback(row), row.state]))
  return [HEAD, ...sections, later].join('\n')
}

function table(title: string, columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return `## ${title}\n\n${[line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')}\n`
}

function fallback(row: KeyRow): string {
  if (row.fallback === undefined) return 'must be given'
  return /^["[{\d]|^(true|false)$/.test(row.fallback) ? code(row.fallback) : row.fallback
}

function code(text: string): string {
  return `\`${text}\``
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '../docs/config-keys.md'), configKeysPage())
