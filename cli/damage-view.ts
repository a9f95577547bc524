// Damage of a store as people read it.

import type { Damage } from '../broker/ground/store.ts'
import { formatCount } from './format.ts'
import { formatTable, type Column } from './table.ts'

const columns: readonly Column<Damage>[] = [
  { title: 'QUEUE', cell: ({ queue }) => queue || '-' },
  { title: 'POSITION', align: 'right', cell: ({ position }) => (position === undefined ? '-' : formatCount(position)) },
  { title: 'PROBLEM', cell: ({ problem }) => problem },
]

/** One row a place. */
export function damageTable(damages: readonly Damage[]): string {
  return formatTable(columns, damages)
}
