import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import test from 'ava'
import { judgePort } from '../../cli/checks/ports.ts'
import { listeningInodes, portOwner } from '../../cli/port-owner.ts'
import { until } from '../support/until.ts'

test('port owner: who listens is found, and when it ends nobody is', async t => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer().listen(0, host)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const owner = await portOwner(port)
    t.is(owner?.pid, process.pid, host)
    t.true(owner!.command!.length > 0)
    server.close()
    await once(server, 'close')
    // A process that another test begins in this moment still has it, until it runs its own program.
    await until(async () => (await portOwner(port)) === undefined)
  }
})

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:4965 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 71231 1 0000000000000000 100 0 0 10 0
   1: 0100007F:4965 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 71299 1 0000000000000000 20 4 30 10 -1
   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0000000000000000 100 0 0 10 0
`

test('port owner: of the system\'s table the sockets that listen count, not their connections', t => {
  t.deepEqual(listeningInodes(TABLE, 18_789), ['71231'])
  t.deepEqual(listeningInodes(TABLE, 22), ['1234'])
  t.deepEqual(listeningInodes(TABLE, 80), [])
})

test('port check: the port is the broker\'s, free, nobody\'s, or taken by somebody', t => {
  const owner = { pid: 7, command: 'nginx' }
  const asked = { port: 18_789, host: '127.0.0.1', isPortRequired: true }
  t.like(judgePort('gateway', asked, owner, 7), { state: 'ok', text: 'listens at 127.0.0.1:18789' })
  t.like(judgePort('gateway', asked, undefined, undefined), { state: 'ok', text: 'port 18789 is free' })
  t.like(judgePort('gateway', asked, undefined, 7), { state: 'warn', text: 'the broker runs, but nobody listens at port 18789' })
  t.like(judgePort('gateway', asked, owner, 8), { state: 'warn', text: 'port 18789 is taken by process 7 (nginx)' })
  t.like(judgePort('gateway', asked, owner, undefined), { state: 'fail' })
  // Nobody asked for it: the broker starts without.
  t.like(judgePort('nats', { ...asked, isPortRequired: false }, owner, undefined), { check: 'nats', state: 'warn', remedy: 'end that process, or choose another port with nats.port in the config' })
  t.like(judgePort('gateway', asked, { pid: undefined, command: undefined }, undefined), { text: 'port 18789 is taken by a process of another user' })
})
