import test from 'ava'
import type { ClusterStatus } from '../../broker/ground/cluster.ts'
import { clusterFields, clusterFindings, leaseFields } from '../../cli/cluster-view.ts'

const cluster: ClusterStatus = { brokers: [{ broker: 'b', name: 'kitchen', host: 'h2', pid: 7, version: '1' }], clients: 1234, channels: 1, conflicts: [], replicas: 3 }

test('cluster view: it says who is there, and on how many servers that is kept', t => {
  t.deepEqual(clusterFields(cluster), [['cluster', 'kitchen at h2; 1,234 clients there, 1 shared channel, kept on 3 servers']])
  t.deepEqual(clusterFields({ ...cluster, brokers: [], clients: 0, channels: 0, replicas: 1 }), [['cluster', 'no other broker; 0 clients there, 0 shared channels, kept on 1 server']])
  t.deepEqual(clusterFindings(cluster), [{ check: 'cluster', state: 'ok', text: 'knows 1 other broker; clients, channels and leases are kept on 3 servers' }])
})

test('cluster view: what is wrong is named, with what to do', t => {
  const wrong = { ...cluster, conflicts: [{ channel: 'alarm', here: 'broadcast', there: 'pubsub' }] }
  t.regex(clusterFields(wrong)[0]![1], /; channel alarm is broadcast here and pubsub elsewhere$/)
  t.like(clusterFindings(wrong)[1], { state: 'warn', remedy: 'delete it where it is wrong: callboard ipc channel delete --name alarm' })
  t.deepEqual(clusterFields({ ...cluster, problem: 'jetstream is not enabled' }), [['cluster', 'jetstream is not enabled']])
  t.like(clusterFindings({ ...cluster, problem: 'jetstream is not enabled' })[0], { state: 'warn', text: 'jetstream is not enabled' })
})

test('cluster view: leases are shown with the time for which they are held, and not where there are none', t => {
  t.deepEqual(leaseFields([]), [])
  t.deepEqual(leaseFields([{ name: 'connector.mail', token: 42, ttlMs: 10_000, heldMs: 60_000 }, { name: 'b', token: 7, ttlMs: 100, heldMs: 500 }]), [['leases', 'connector.mail for 1 m (token 42), b for 500 ms (token 7)']])
})
