// Writes config/schema.json, by which editors complete and check a configuration: `node scripts/config-schema.ts`. A test holds it to the schema.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsonSchema } from '../config/schema.ts'

/** The JSON Schema as the text of its file. */
export function configSchemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`
}

if (import.meta.main) writeFileSync(join(import.meta.dirname, '../config/schema.json'), configSchemaText())
