import test from 'ava'
import fc from 'fast-check'
import { Account } from '../../../broker/ground/slice.ts'
import type { Receivers } from '../../../broker/routing/route.ts'
import { Routes } from '../../../broker/routing/routes.ts'
import { BrokerError } from '../../../broker/ground/errors.ts'
import { naivelyMatches, patternTokens, subjectTokens } from '../../support/patterns.ts'

const MAX_ROUTES = 65_536
const utf8 = new TextEncoder()

function receivers(sinks: Receivers['plain']): Receivers {
  return { plain: sinks, groups: [], filtered: [], counting: [], instances: undefined, answersFrames: true, exceptSender: false, account: new Account(), queue: undefined, snapshot: 0 }
}

function find(routes: Routes, subject: string): ReturnType<Routes['find']> {
  const bytes = utf8.encode(`xx${subject}yy`)
  return routes.find(bytes, 2, bytes.length - 2)
}

/** Routes over a list of patterns, each a sink of its own. */
function overPatterns(patterns: (readonly string[])[]): Routes {
  return new Routes({ dependsOnLast: () => false, build: subject => receivers(patterns.filter(pattern => naivelyMatches(pattern, subject)).map((_, number) => ({ number, answersFrames: true, deliver: () => true }))) }, 7)
}

test('routes: what is remembered is what would be found now, whatever changed meanwhile', t => {
  const change = fc.record({ kind: fc.constantFrom('add', 'remove', 'ask', 'all'), pattern: patternTokens, subject: subjectTokens, pick: fc.nat() })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), changes => {
      const patterns: (readonly string[])[] = []
      const routes = overPatterns(patterns)
      const held = new Map<string, ReturnType<Routes['find']>>()
      for (const { kind, pattern, subject, pick } of changes) {
        if (kind === 'add') {
          patterns.push(pattern)
          routes.invalidate(pattern)
        } else if (kind === 'remove' && patterns.length > 0) routes.invalidate(patterns.splice(pick % patterns.length, 1)[0]!)
        else if (kind === 'all') routes.invalidateAll()
        const text = subject.join('.')
        const expected = patterns.filter(each => naivelyMatches(each, subject)).length
        const last = held.get(text)
        // As a connection does with its last route.
        if (last !== undefined && routes.isCurrent(last)) t.is(last.receivers.plain.length, expected)
        const route = find(routes, text)
        held.set(text, route)
        t.is(route.subject, text)
        t.is(route.receivers.plain.length, expected)
      }
    }),
  )
})

test('routes: a pattern leaves the routes of other first tokens alone', t => {
  let built = 0
  const build = (): Receivers => {
    built++
    return receivers([])
  }
  const routes = new Routes({ build, dependsOnLast: () => false }, 7)
  const route = find(routes, 'command.run')
  routes.invalidate(['events', '>'])
  t.true(routes.isCurrent(route))
  t.is(find(routes, 'command.run'), route)
  t.is(built, 1)
  routes.invalidate(['command', '*'])
  t.false(routes.isCurrent(route))
  find(routes, 'command.run')
  t.is(built, 2)
})

test('routes: verdicts do not outlast what they rest on', t => {
  const routes = overPatterns([])
  const route = find(routes, 'a')
  route.verdicts[0] = 1
  routes.invalidateAll()
  t.deepEqual([...find(routes, 'a').verdicts], [])
})

test('routes: a subject keeps bytes of its own, not the chunk that it came in', t => {
  const routes = overPatterns([])
  const chunk = Buffer.alloc(65_536, 'x')
  chunk.write('a.b', 100)
  const route = routes.find(chunk, 100, 103)
  t.is(route.bytes.buffer.byteLength, 3)
  chunk.fill(0)
  t.is(find(routes, 'a.b'), route)
})

test('routes: at most 65,536 subjects are remembered, and the one that came then is kept up to date', t => {
  const patterns: (readonly string[])[] = []
  const routes = overPatterns(patterns)
  for (let i = 0; i < MAX_ROUTES; i++) find(routes, `s${i}`)
  t.is(routes.size, MAX_ROUTES)
  const first = find(routes, 's0')
  find(routes, 'late.one')
  t.is(routes.size, 1)
  t.false(routes.isCurrent(first))
  // It was made while the others were forgotten, and missed later subscribers for ever.
  patterns.push(['late', '>'])
  routes.invalidate(['late', '>'])
  t.is(find(routes, 'late.one').receivers.plain.length, 1)
})

test('routes: subjects that are not valid are refused and not remembered', t => {
  const routes = overPatterns([])
  for (const bytes of [Uint8Array.of(0xff), utf8.encode('a..b'), utf8.encode('a.*'), utf8.encode('a b'), new Uint8Array(0)]) {
    t.is(t.throws(() => routes.find(bytes, 0, bytes.length), { instanceOf: BrokerError }).code, 'subject.invalid')
  }
  t.is(routes.size, 0)
})
