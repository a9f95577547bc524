import { createHash } from 'node:crypto'
import fc from 'fast-check'
import test from 'ava'
import { auditActions } from '../../broker/ground/audit.ts'
import { auditLine, CHAIN_START, readAuditLine, type AuditEvent, type ChainEnd } from '../../telemetry/audit-chain.ts'
import { AuditCheck, type AuditReport } from '../../telemetry/audit-check.ts'
import { anyText } from '../support/any-text.ts'

const events: fc.Arbitrary<AuditEvent> = fc.record({
  time: fc.nat(),
  action: fc.constantFrom(...auditActions.filter(action => !action.startsWith('log.'))),
  who: fc.string({ unit: 'grapheme' }),
  fields: fc.dictionary(fc.constantFrom('client', 'address', 'code', 'pid', '__proto__'), fc.oneof(anyText(), fc.integer(), fc.boolean())),
})

/** The lines of a chain, without their ends. */
function chain(of: readonly AuditEvent[]): string[] {
  let end = CHAIN_START
  return of.map(event => {
    const next = auditLine(event, end)
    end = next.end
    return next.line.slice(0, -1)
  })
}

function check(lines: readonly (string | Uint8Array)[], anchor?: ChainEnd): AuditReport {
  const checked = new AuditCheck(anchor)
  checked.begin('audit.log')
  for (const line of lines) checked.take(Buffer.from(line))
  return checked.end()
}

const chains = fc.array(events, { minLength: 2, maxLength: 12 }).map(chain)

test('audit chain: what was recorded is what is read, in one line each, and the chain holds', t => {
  fc.assert(fc.property(fc.array(events, { minLength: 1, maxLength: 12 }), recorded => {
    const lines = chain(recorded)
    for (const [i, line] of lines.entries()) {
      t.false(line.includes('\n'))
      const { time, action, who, fields } = recorded[i]!
      const entry = readAuditLine(Buffer.from(line))
      t.deepEqual({ ...entry }, { ...entry, seq: i + 1, time, action, who, ...(JSON.parse(JSON.stringify(fields)) as object) })
    }
    t.like(check(lines), { entries: lines.length, problem: undefined, notes: [], first: { seq: 1 }, last: { seq: lines.length } })
  }))
})

test('audit chain: a line whose bytes were changed is found, and named', t => {
  fc.assert(fc.property(chains, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), (lines, whichLine, whichByte, by) => {
    const at = whichLine % lines.length
    const changed = Buffer.from(lines[at]!)
    const position = whichByte % changed.length
    changed[position] = changed[position]! ^ by
    const bytes: (string | Uint8Array)[] = [...lines]
    bytes[at] = changed
    t.is(check(bytes).problem?.line, at + 1)
  }))
})

test('audit chain: a line that was taken out is found where the next one stands; a missing first or last one by its number', t => {
  fc.assert(fc.property(chains, fc.nat(), (lines, which) => {
    const at = which % lines.length
    const { problem, first, last } = check(lines.toSpliced(at, 1))
    if (at === 0) t.is(first?.seq, 2)
    else if (at === lines.length - 1) t.is(last?.seq, lines.length - 1)
    else t.is(problem?.line, at + 1)
  }))
})

test('audit chain: an anchor finds lines that were cut off at the end', t => {
  fc.assert(fc.property(chains, fc.nat(), (lines, which) => {
    const cut = 1 + (which % (lines.length - 1))
    const anchor = readAuditLine(Buffer.from(lines.at(-1)!))!
    t.regex(check(lines.slice(0, cut), anchor).problem!.problem, /which was there once, is not/)
    t.is(check(lines, anchor).problem, undefined)
  }))
})

test('audit chain: two lines that changed places, and one that stands twice, are found', t => {
  fc.assert(fc.property(chains, fc.nat(), fc.nat(), (lines, one, other) => {
    const [a, b] = [one % lines.length, other % lines.length].toSorted((x, y) => x - y) as [number, number]
    if (a !== b) t.true([a + 1, a + 2].includes(check(lines.with(a, lines[b]!).with(b, lines[a]!)).problem!.line))
    t.is(check(lines.toSpliced(a, 0, lines[a]!)).problem?.line, a + 2)
  }))
})

test('audit chain: an entry that was made anew, with the right hash of its own, is found by the one behind it', t => {
  fc.assert(fc.property(chains, fc.nat(), events, (lines, which, forged) => {
    const at = which % (lines.length - 1)
    const before = at === 0 ? CHAIN_START : readAuditLine(Buffer.from(lines[at - 1]!))!
    const line = auditLine(forged, before).line.slice(0, -1)
    if (line !== lines[at]) t.is(check(lines.with(at, line)).problem?.line, at + 2)
  }))
})

test('audit chain: the hash can be checked by hand', t => {
  const [line] = chain([{ time: 5, action: 'channel.created', who: 'owner', fields: { channel: 'Türe' } }])
  t.is(line, '{"seq":1,"time":5,"action":"channel.created","who":"owner","channel":"Türe","previous":"0000000000000000000000000000000000000000000000000000000000000000","hash":"b2c7"}'.replace('b2c7', createHash('sha256').update(line!.replace(/,"hash":"\w+"/, '')).digest('hex')))
})

test('audit chain: names from outside are cut, so that a line stays a line', t => {
  const { line } = auditLine({ time: 0, action: 'connection.refused', who: 'x'.repeat(100_000), fields: { client: '\n'.repeat(10_000) } }, CHAIN_START)
  t.true(line.length < 2500)
  t.truthy(readAuditLine(Buffer.from(line.slice(0, -1))))
})

test('audit chain: lines that are no entries are none, whatever they are', t => {
  for (const line of ['', '{}', 'null', '[1]', '"x"', `${' '.repeat(70)},"hash":"${'0'.repeat(64)}"}`]) t.is(readAuditLine(Buffer.from(line)), undefined)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), bytes => t.is(readAuditLine(bytes), undefined)))
})
