// Every key there is, as data: those of the schema and those that come later. Feeds docs/config-keys.md.

import { z } from 'zod'
import { keyNote, withoutWrapping } from './keys.ts'
import { kinds } from './kinds.ts'
import { laterGroups, refusedValues } from './later.ts'
import { configSchema } from './schema.ts'

export interface KeyRow {
  /** Dotted path; `[]` stands for an item of a list, `*` for a name of the user's choice. */
  readonly path: string
  readonly type: string
  /** What holds without the key; undefined when the key must be there. */
  readonly fallback: string | undefined
  readonly allowed: string
  /** `works`, or `later: …`; values that do not work follow. */
  readonly state: string
  readonly about: string
}

/** All keys, those that work first, in the order of the schema. */
export function keyRows(): KeyRow[] {
  const later = laterGroups.flatMap(({ feature, keys }) =>
    keys.map(([path, type, fallback]): KeyRow => ({ path, type, fallback, allowed: '', state: `later: comes with ${feature}`, about: '' })),
  )
  return [...rowsOf(configSchema, ''), ...later]
}

function rowsOf(schema: z.core.$ZodType, path: string): KeyRow[] {
  const bare = withoutWrapping(schema)
  const row = rowOf(schema, path)
  const rows = row === undefined ? [] : [row]
  if (bare instanceof z.ZodObject) for (const [key, value] of Object.entries<z.core.$ZodType>(bare.shape)) rows.push(...rowsOf(value, path === '' ? key : `${path}.${key}`))
  if (bare instanceof z.ZodArray) rows.push(...rowsOf(bare.element, `${path}[]`))
  if (bare instanceof z.ZodRecord) rows.push(...rowsOf(bare.valueType, `${path}.*`))
  return rows
}

function rowOf(schema: z.core.$ZodType, path: string): KeyRow | undefined {
  const note = keyNote(schema)
  const kind = kinds.get(withoutWrapping(schema))
  if (note === undefined || kind === undefined) return undefined
  const exceptions = refusedValues.filter(row => row.path === path.replaceAll('[]', '.*')).map(row => `\`${JSON.stringify(row.value)}\` ${row.state}: ${row.reason}`)
  const allowed = bareItemAllowed(schema) ?? kind.allowed
  return { path, type: kind.type, fallback: note.fallback, allowed, state: ['works', ...exceptions].join('; '), about: note.about }
}

/** Of lists and maps of plain values, what an item may be is told with the list: items have no row of their own. */
function bareItemAllowed(schema: z.core.$ZodType): string | undefined {
  const bare = withoutWrapping(schema)
  const item = bare instanceof z.ZodArray ? bare.element : bare instanceof z.ZodRecord ? bare.valueType : undefined
  const allowed = item && kinds.get(item)?.allowed
  return allowed && `${kinds.get(bare)!.allowed}, each ${allowed}`
}
