import test from 'ava'
import { fromYaml, linesOf } from '../support/config.ts'

test('config: a port that two listeners would have is refused with the names of both keys', async t => {
  t.deepEqual(await linesOf(t, fromYaml('gateway: {port: 5000}\nnats: {port: 5000, monitor: {port: 5000}, websocket: {port: 5001}}')), [
    '2:14: nats.port is 5000, and so is gateway.port; give one of them another port',
    '2:36: nats.monitor.port is 5000, and so is gateway.port; give one of them another port',
  ])
  t.deepEqual(await linesOf(t, fromYaml('nats: {monitor: {port: 5000}, websocket: {port: 5000}}')), [
    '1:49: nats.websocket.port is 5000, and so is nats.monitor.port; give one of them another port',
  ])
})

test('config: ports that nobody wrote count too, and the key that was written is named', async t => {
  t.deepEqual(await linesOf(t, fromYaml('nats: {port: 18789}')), ['1:14: nats.port is 18789, and so is gateway.port by default; give one of them another port'])
  t.deepEqual(await linesOf(t, fromYaml('gateway: {port: 4222}')), ['1:17: gateway.port is 4222, and so is nats.port by default; give one of them another port'])
})

test('config: an address of all interfaces, and localhost, meet the others', async t => {
  t.is((await linesOf(t, fromYaml('gateway: {port: 5000}\nnats: {host: 0.0.0.0, port: 5000}'))).length, 1)
  t.is((await linesOf(t, fromYaml('gateway: {port: 5000}\nnats: {host: localhost, port: 5000}'))).length, 1)
})

test('config: the same port at other addresses, of what is off, or 0 is nobody\'s twice', async t => {
  for (const yaml of [
    'gateway: {host: 127.0.0.1, port: 5000}\nnats: {host: 127.0.0.2, port: 5000}',
    'gateway: {enabled: false, port: 5000}\nnats: {port: 5000}',
    'gateway: {port: 4222}\nnats: false',
    'gateway: {port: 0}\nnats: {port: 0, monitor: {port: 0}, websocket: {port: 0}}',
  ]) await t.notThrowsAsync(fromYaml(yaml), yaml)
})
