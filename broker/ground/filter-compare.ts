// How one field is held against the literal of a filter condition. Knows values, not messages.

export type Operator = '=' | '!=' | '<' | '<=' | '>' | '>=' | '^='

/** True when the field's value (undefined: it is not there) satisfies the condition. */
export type FieldTest = (field: unknown) => boolean

type Scalar = number | bigint | boolean | null

/** What a condition compares with: its text, and the value that the text stands for besides; undefined = the string alone. */
export interface Literal {
  readonly text: string
  readonly value: Scalar | undefined
}

// RFC 8259 section 6.
const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** The literal that an unquoted word is. */
export function parseWord(text: string): Literal {
  if (text === 'true' || text === 'false') return { text, value: text === 'true' }
  if (text === 'null') return { text, value: null }
  return { text, value: toNumber(text) }
}

/**
 * The test of one condition. Equality: the literal's value, or the string spelled so. Order: numbers with numbers, where
 * strings that spell a number count as one (headers often do), else strings with strings. `^=`: the field's text begins so.
 */
export function compareField(operator: Operator, literal: Literal): FieldTest {
  switch (operator) {
    case '=':
      return field => equals(field, literal)
    case '!=':
      return field => !equals(field, literal)
    case '^=':
      return field => textOf(field)?.startsWith(literal.text) ?? false
    case '<':
      return field => order(field, literal) < 0
    case '<=':
      return field => order(field, literal) <= 0
    case '>':
      return field => order(field, literal) > 0
    case '>=':
      return field => order(field, literal) >= 0
  }
}

function equals(field: unknown, { text, value }: Literal): boolean {
  if (typeof field === 'string') return field === text
  if (isNumeric(field) && isNumeric(value)) return compare(field, value) === 0
  if (field instanceof Date) return textOf(field) === text
  return value !== undefined && field === value
}

// NaN where the two have no order, so that every comparison with 0 is false.
function order(field: unknown, { text, value }: Literal): number {
  if (isNumeric(value)) {
    const number = typeof field === 'string' ? toNumber(field) : field
    return isNumeric(number) ? compare(number, value) : NaN
  }
  const string = typeof field === 'string' || field instanceof Date ? textOf(field) : undefined
  if (string === undefined) return NaN
  return string < text ? -1 : string > text ? 1 : 0
}

// Exact between number and bigint, as the language compares them by mathematical value.
function compare(left: number | bigint, right: number | bigint): number {
  return left < right ? -1 : left > right ? 1 : Number.isNaN(left) ? NaN : 0
}

function toNumber(text: string): number | bigint | undefined {
  if (!JSON_NUMBER.test(text)) return undefined
  const number = Number(text)
  return Number.isInteger(number) && !Number.isSafeInteger(number) && /^-?\d+$/.test(text) ? BigInt(text) : number
}

function textOf(field: unknown): string | undefined {
  if (typeof field === 'string') return field
  if (field instanceof Date) return Number.isNaN(field.getTime()) ? undefined : field.toISOString()
  return isNumeric(field) || typeof field === 'boolean' ? String(field) : undefined
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}
