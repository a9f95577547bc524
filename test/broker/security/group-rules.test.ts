import test from 'ava'
import { Permissions } from '../../../broker/security/permissions.ts'

const permissions = (allow: string[], groups: { allow?: [string, string][]; deny?: [string, string][] }): Permissions => {
  const rules = (list: [string, string][] = []) => list.map(([pattern, group]) => ({ pattern, group }))
  return new Permissions({ name: 'a', roles: ['system'], publish: { allow: [], deny: [] }, subscribe: { allow, deny: [] }, groups: { allow: rules(groups.allow), deny: rules(groups.deny) } }, 0)
}

test('group rules: a subject that only a group may see is for that group alone', t => {
  const rules = permissions([], { allow: [['jobs', 'workers']] })
  t.true(rules.maySubscribeWhole(['jobs'], 'workers'))
  t.true(rules.mayReceive(['jobs'], 'workers'))
  t.false(rules.maySubscribeWhole(['jobs'], 'others'))
  t.false(rules.maySubscribeWhole(['jobs']))
  t.false(rules.mayReceive(['jobs']))
})

test('group rules: they go before what everybody may, both ways', t => {
  const rules = permissions(['>'], { allow: [['jobs.>', 'w.*']], deny: [['news', 'spies']] })
  t.true(rules.maySubscribeWhole(['jobs', 'a'], 'w.1'))
  t.false(rules.maySubscribeWhole(['jobs', 'a'], 'other'))
  t.true(rules.maySubscribeWhole(['jobs', 'a']))
  t.false(rules.maySubscribeWhole(['news'], 'spies'))
  t.true(rules.maySubscribeWhole(['news'], 'readers'))
})
