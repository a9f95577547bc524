import test from 'ava'
import fc from 'fast-check'
import { Permissions } from '../../../broker/security/permissions.ts'
import { NarrowedPermissions } from '../../../broker/security/narrowed-permissions.ts'

const none = { allow: [], deny: [] }

function permissionsOf(allow: readonly string[], deny: readonly string[], index: number): Permissions {
  const rules = { allow, deny }
  return new Permissions({ name: 'me', roles: ['client'], publish: rules, subscribe: rules }, index)
}

const token = fc.constantFrom('a', 'b', '*')
const pattern = fc.array(token, { minLength: 1, maxLength: 3 }).chain(tokens => fc.boolean().map(isOpen => (isOpen ? [...tokens, '>'] : tokens).join('.')))
const rules = fc.record({ allow: fc.array(pattern, { maxLength: 3 }), deny: fc.array(pattern, { maxLength: 2 }) })
const subject = fc.array(fc.constantFrom('a', 'b'), { minLength: 1, maxLength: 4 })

test('narrowed permissions: allow what the principal and the narrowing both allow, never more', t => {
  fc.assert(
    fc.property(rules, rules, subject, (own, narrowing, tokens) => {
      const narrowed = new NarrowedPermissions(() => {})
      const within = permissionsOf(own.allow, own.deny, narrowed.newIndex())
      const both = narrowed.take(within, { publish: narrowing, subscribe: narrowing })
      const alone = permissionsOf(narrowing.allow.length === 0 ? ['>'] : narrowing.allow, narrowing.deny, 9)
      t.is(both.mayPublish(tokens), within.mayPublish(tokens) && alone.mayPublish(tokens))
      t.is(both.mayReceive(tokens), within.mayReceive(tokens) && alone.mayReceive(tokens))
      // Whatever it may see of a pattern, the principal may see it too.
      if (both.maySubscribe(tokens)) t.true(within.maySubscribe(tokens))
      if (both.maySubscribeWhole(tokens)) t.true(within.mayReceive(tokens) && alone.mayReceive(tokens))
    }),
  )
})

test('narrowed permissions: connections with the same share them, and an index serves again when the last has gone', t => {
  let reuses = 0
  const narrowed = new NarrowedPermissions(() => reuses++)
  const within = permissionsOf(['>'], [], narrowed.newIndex())
  const narrowing = { publish: { allow: ['a'], deny: [] }, subscribe: none }
  const [first, second] = [narrowed.take(within, narrowing), narrowed.take(within, narrowing)]
  t.is(first, second)
  t.not(first.index, within.index)
  narrowed.giveBack(within)
  narrowed.giveBack(first)
  t.is(narrowed.take(within, narrowing), first)
  t.is(reuses, 0)
  narrowed.giveBack(first)
  narrowed.giveBack(first)
  const other = narrowed.take(within, { publish: none, subscribe: none })
  t.is(other.index, first.index)
  t.is(reuses, 1, 'what was remembered under the index is forgotten')
  t.is(narrowed.newIndex(), 2)
})

test('narrowed permissions: a principal whose permissions have changed has others', t => {
  const narrowed = new NarrowedPermissions(() => {})
  const narrowing = { publish: none, subscribe: none }
  const before = narrowed.take(permissionsOf(['a'], [], 0), narrowing)
  const after = narrowed.take(permissionsOf(['b'], [], 0), narrowing)
  t.true(before.mayPublish(['a']) && !before.mayPublish(['b']))
  t.true(after.mayPublish(['b']) && !after.mayPublish(['a']))
})
