// Lays rows out in columns for people. Knows text widths and colours, not what the rows mean.

import { stripVTControlCharacters, styleText } from 'node:util'
import { printable } from './format.ts'

export interface Column<Row> {
  readonly title: string
  /** Numbers stand right. */
  readonly align?: 'right'
  cell(row: Row): string
}

type Style = Parameters<typeof styleText>[0]

/** `text` in a style when stdout is a terminal that shows it and NO_COLOR is not set, otherwise as it is. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout })
}

/** A heading and a line per row, columns two spaces apart, without a line end. Control characters in cells are written out. */
export function formatTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const cells = rows.map(row => columns.map(column => printable(column.cell(row))))
  const widths = columns.map((column, at) => Math.max(column.title.length, ...cells.map(row => textWidth(row[at]!))))
  const line = (row: readonly string[]): string => row.map((text, at) => pad(text, widths[at]!, columns[at]!.align)).join('  ').trimEnd()
  return [paint('dim', line(columns.map(column => column.title))), ...cells.map(line)].join('\n')
}

/** Name and value of one thing, a line each. */
export function formatFields(fields: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${paint('dim', name.padEnd(width))}  ${printable(value)}`.trimEnd()).join('\n')
}

function pad(text: string, width: number, align: 'right' | undefined): string {
  const spaces = ' '.repeat(Math.max(0, width - textWidth(text)))
  return align === 'right' ? spaces + text : text + spaces
}

// East Asian wide and full-width blocks (UAX 11), and emoji: two columns each.
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u
const ASCII = /^[ -~]*$/
let segmenter: Intl.Segmenter | undefined

/** Columns that a terminal needs for the text. */
export function textWidth(text: string): number {
  const plain = stripVTControlCharacters(text)
  if (ASCII.test(plain)) return plain.length
  segmenter ??= new Intl.Segmenter()
  let width = 0
  for (const { segment } of segmenter.segment(plain)) width += WIDE.test(segment) ? 2 : 1
  return width
}
