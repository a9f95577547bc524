// Random subjects and patterns out of few tokens, so that they often meet.

import fc from 'fast-check'

const token = fc.constantFrom('a', 'b', 'c', '$x', 'ä')

/** Tokens of a subject. */
export const subjectTokens = fc.array(token, { minLength: 1, maxLength: 4 })

/** Tokens of a pattern; `>` stands last or nowhere. */
export const patternTokens = fc
  .tuple(fc.array(fc.oneof({ weight: 3, arbitrary: token }, { weight: 1, arbitrary: fc.constant('*') }), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, isOpen]) => (isOpen ? [...tokens.slice(0, -1), '>'] : tokens))

/** Whether a pattern matches, by the words of the definition and nothing clever: as a regular expression over the text. */
export function naivelyMatches(pattern: readonly string[], subject: readonly string[]): boolean {
  const expression = pattern.map(each => (each === '>' ? '.+' : each === '*' ? '[^.]+' : each.replaceAll('$', '\\$'))).join('\\.')
  return new RegExp(`^${expression}$`, 'u').test(subject.join('.'))
}
