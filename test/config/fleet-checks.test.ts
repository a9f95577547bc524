import test from 'ava'
import { fromYaml, linesOf } from '../support/config.ts'

test('config: agents that need each other are refused by name, with the circle', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents:\n- {name: web, command: x, dependsOn: [index]}\n- {name: index, command: x, dependsOn: [store]}\n- {name: store, command: x, dependsOn: [cache, web]}\n- {name: cache, command: x}')), [
    '2:38: agents[0].dependsOn goes round in a circle: web needs index needs store needs web; take one of these out',
  ])
  t.deepEqual(await linesOf(t, fromYaml('agents: [{name: a, command: x, dependsOn: [a]}]')), ['1:43: agents[0].dependsOn goes round in a circle: a needs a; take one of these out'])
})

test('config: what an agent depends on, and its group, are declared, and no schedule is waited for', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agents:\n- {name: web, command: x, dependsOn: [stroe], agentGroup: g}\n- {name: store, command: x}\n- {name: report, command: x, schedule: "@daily", restart: transient}\n- {name: mail, command: x, dependsOn: [report]}')), [
    '2:39: agents[0].dependsOn[0] is "stroe", which no entry of agents has as its name; did you mean "store"?',
    '2:59: agents[0].agentGroup is "g", which no entry of agentGroups has as its name; known are none',
    '5:40: agents[3].dependsOn[0] is "report", which has a schedule and is mostly down: nobody can wait for it; take it out',
  ])
})

test('config: groups of agents have names of their own', async t => {
  t.deepEqual(await linesOf(t, fromYaml('agentGroups: [{name: g}, {name: g}]')), ['1:33: agentGroups[1].name is "g", and so is agentGroups[0].name; allowed: a name of its own'])
})
