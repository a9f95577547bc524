// Random header blocks of NATS messages for property tests.

import fc from 'fast-check'
import type { HeaderBlock, HeaderField } from '../../broker/wire/nats/header-block.ts'
import { anyText } from './any-text.ts'

const NAME_CHARACTERS = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)).filter((each) => each !== ':')

/** Names as clients choose them, and any others that may stand in a block. */
const headerNames: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('a', 'A', 'Trace', 'trace', 'X-Request-Id', 'mid', 'ttl', 'sender', 'sig', 'receipt', 'replyTo', 'sentAt', '__proto__', 'constructor', 'nats-msg-id', '0', '12'),
  fc.string({ unit: fc.constantFrom(...NAME_CHARACTERS), minLength: 1, maxLength: 20 }),
)

/** Values that come back as they are: no line ends, no spaces or tabs at the edges. */
export const headerValues: fc.Arbitrary<string> = fc.oneof(fc.constantFrom('', '1', 'true', 'null', '{"a":1}', '\u00a0x', 'a\u2028b', '\u0000'), anyText({ maxLength: 20 })).map((value) =>
  value.toWellFormed().replace(/[\r\n]/g, '').replace(/^[ \t]+|[ \t]+$/g, ''),
)

const status = fc.oneof(
  fc.constant({ status: undefined, description: '' }),
  fc.record({ status: fc.nat({ max: 999 }).map((code) => String(code).padStart(3, '0')), description: fc.oneof(fc.constant(''), headerValues) }),
)

/** Whole blocks; some names come several times. */
export const headerBlocks: fc.Arbitrary<HeaderBlock> = fc
  .tuple(status, fc.array(fc.tuple(headerNames, headerValues), { maxLength: 8 }), fc.nat({ max: 3 }))
  .map(([line, fields, again]) => ({ ...line, fields: [...fields, ...fields.slice(0, again).map(([name, value]): HeaderField => [name, `${value}.`])] }))
