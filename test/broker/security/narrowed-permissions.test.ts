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

test('narrowed permissions: what a client presents does not give it names to answer under, and can take them', t => {
  const narrowed = new NarrowedPermissions(() => {})
  const name = ['$CB', 'to', 'service', 'a']
  const mayTake = (own: string, presented: string): boolean => {
    const rules = { allow: [presented], deny: [] }
    return narrowed.take(permissionsOf([own], [], narrowed.newIndex()), { publish: rules, subscribe: rules }).mayTake(name)
  }
  t.deepEqual([mayTake('>', '>'), mayTake('>', '$CB.to.service.a'), mayTake('$CB.>', '>'), mayTake('$CB.>', '$CB.to.service.b')], [false, false, true, false])
})

test('narrowed permissions: connections with the same share them, and an index serves again when the last has gone', t => {
  let changes = 0
  const narrowed = new NarrowedPermissions(() => changes++)
  const within = permissionsOf(['>'], [], narrowed.newIndex())
  const narrowing = { publish: { allow: ['a'], deny: [] }, subscribe: none }
  const [first, second] = [narrowed.take(within, narrowing), narrowed.take(within, narrowing)]
  t.is(first, second)
  t.not(first.index, within.index)
  narrowed.giveBack(within)
  narrowed.giveBack(first)
  t.is(narrowed.take(within, narrowing), first)
  t.is(changes, 1, 'nothing new since the first')
  narrowed.giveBack(first)
  narrowed.giveBack(first)
  const other = narrowed.take(within, { publish: none, subscribe: none })
  t.is(other.index, first.index)
  t.is(changes, 2, 'what was remembered under the index is forgotten')
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

test('narrowed permissions: say which subjects they judge one by one, while they are in use', t => {
  const narrowed = new NarrowedPermissions(() => {})
  const within = permissionsOf(['>'], [], narrowed.newIndex())
  const wide = narrowed.take(within, { publish: { allow: ['a.>', 'a.*'], deny: [] }, subscribe: none })
  t.false(narrowed.namesNext(['a']))
  const narrow = narrowed.take(within, { publish: none, subscribe: { allow: [], deny: ['*.x'] } })
  t.true(narrowed.namesNext(['a']))
  t.false(narrowed.namesNext(['a', 'b']))
  narrowed.giveBack(narrow)
  t.false(narrowed.namesNext(['a']))
  narrowed.giveBack(wide)
})
