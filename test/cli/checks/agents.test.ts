import test from 'ava'
import { agentFindings } from '../../../cli/checks/agents.ts'
import { agentInfo } from '../../support/top-sample.ts'

const NOW = 1_700_000_000_000
const MINUTE = 60_000

test('check of agents: one in quarantine fails with its reason, one that crashes often is warned of', t => {
  const agents = [agentInfo({ name: 'lamp/2', phase: 'exited', quarantine: { reason: 'more than 3 restarts in 1 m', since: NOW - MINUTE } }), agentInfo({ name: 'fan' })]
  const crashes = new Map([['lamp', [NOW - MINUTE, NOW - 59 * MINUTE, NOW - 60 * MINUTE, NOW - 61 * MINUTE]], ['fan', [NOW - MINUTE, NOW - 2 * MINUTE]], ['gone', [NOW - 70 * MINUTE, NOW - 71 * MINUTE, NOW - 72 * MINUTE]]])
  const [held, often, ...others] = agentFindings(agents, crashes, NOW)
  t.like(held, { check: 'agents', state: 'fail' })
  t.regex(held!.text, /^lamp\/2 is in quarantine since .*: more than 3 restarts in 1 m$/)
  t.regex(held!.remedy!, /callboard agent restart lamp\/2$/)
  t.like(often, { state: 'warn', text: 'lamp crashed 3 times in the last hour, the last time 1 m ago', remedy: 'callboard agent crashes lamp --last' })
  t.deepEqual(others, [])
  t.regex(agentFindings([], new Map([['a', Array.from({ length: 10 }, () => NOW)]]), NOW)[0]!.text, /^a crashed 10 times or more in/)
})

test('check of agents: all is well, or there are none', t => {
  t.like(agentFindings([agentInfo({ name: 'a' }), agentInfo({ name: 'b' })], new Map(), NOW), [{ state: 'ok', text: 'all 2 instances without many crashes' }])
  t.deepEqual(agentFindings([], new Map(), NOW), [])
  t.is(agentFindings([], new Map([['a', [NOW, NOW, NOW]]]), NOW).length, 1, 'while the broker is down, too')
})
