// Writes docs/errors.md from the table of errors: `node scripts/errors-doc.ts`. A test holds the page to the table.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorTable } from '../broker/ground/errors.ts'

const HEAD = `<!-- Written by scripts/errors-doc.ts from broker/ground/errors.ts; change it there. -->

# Errors

Every error that Callboard names, by the code that programs compare. A code never changes its meaning and a number is never given twice.

- **close** is the WebSocket close code, 4000 and the error's number; those of area \`websocket\` close with RFC 6455's own, in this order 1002, 1007 and 1009. On other transports the \`goodbye\` frame carries the code itself.
- **retry** tells whether the same call may succeed later without change.
- Words in braces are filled in; over the wire they are also in the error's \`details\`.
`

/** The page as Markdown, one table per area, areas and codes in the order of the table. */
export function errorsPage(): string {
  const areas = new Map<string, string[]>()
  for (const [code, { close, retryable, text }] of Object.entries(errorTable)) {
    const area = code.split('.')[0]!
    const rows = areas.get(area) ?? []
    rows.push(`| \`${code}\` | ${4000 + close} | ${retryable ? 'yes' : 'no'} | ${text.replaceAll('|', '\\|')} |`)
    areas.set(area, rows)
  }
  const sections = [...areas].map(([area, rows]) => `## ${area}\n\n| code | close | retry | message |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`)
  return [HEAD, ...sections].join('\n')
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '../docs/errors.md'), errorsPage())
