// Text of any code points for property tests: fc.string({ unit: 'binary' }) without what that one costs.

import fc from 'fast-check'

// Halves of surrogate pairs are no text.
const codePoints = fc.oneof(fc.nat({ max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))

/** Any text. fast-check's own arbitrary makes a table of all 1.1 million code points first, which takes 0.8 s in each test file. */
export function anyText(constraints: { readonly maxLength?: number } = {}): fc.Arbitrary<string> {
  return fc.array(codePoints, constraints).map(codes => String.fromCodePoint(...codes))
}
