import test from 'ava'
import { parseOptions } from '../../bench/options.ts'
import { rotate } from '../../bench/rounds.ts'
import { selectWorkloads, workloads } from '../../bench/workloads.ts'

const names = (list: readonly { name: string }[]): string[] => list.map(workload => workload.name)

test('workloads: without names all are meant, a letter means its family, the table gives the order', t => {
  t.deepEqual(selectWorkloads([]), workloads)
  t.deepEqual(names(selectWorkloads(['D', 'A', 'B'])), ['A', 'B100', 'B1000', 'D1', 'D64', 'D64b'])
  t.deepEqual(names(selectWorkloads(['C'])), ['C'])
})

test('workloads: an unknown name is refused with the names there are', t => {
  t.throws(() => selectWorkloads(['A', 'Z']), { message: /no workload "Z".*Cmix/ })
})

test('options: nats-server runs when it is installed and wanted', t => {
  t.deepEqual(parseOptions([], true).servers, ['broker', 'relay', 'nats'])
  t.deepEqual(parseOptions([], false).servers, ['broker', 'relay'])
  t.deepEqual(parseOptions(['--no-nats'], true).servers, ['broker', 'relay'])
})

test('options: wrong values are refused by name', t => {
  t.throws(() => parseOptions(['--runs', '0'], true), { message: /--runs 0/ })
  t.throws(() => parseOptions(['--seconds', 'x'], true), { message: /--seconds x/ })
  t.throws(() => parseOptions(['--servers', 'relay,redis'], true), { message: /redis/ })
})

test('rounds: each round begins with the next server', t => {
  const servers = ['broker', 'relay', 'nats']
  t.deepEqual([0, 1, 2, 3].map(round => rotate(servers, round)[0]), ['broker', 'relay', 'nats', 'broker'])
  t.deepEqual(rotate(servers, 1), ['relay', 'nats', 'broker'])
})

test('options: ws in front means WebSocket, with the same names but start', t => {
  t.is(parseOptions(['A'], true).way, 'own')
  t.like(parseOptions(['ws'], true), { way: 'ws', workloads: workloads.filter(workload => workload.name !== 'start') })
  t.deepEqual(names(parseOptions(['ws', 'C1', 'A'], true).workloads), ['A', 'C1'])
  t.throws(() => parseOptions(['ws', 'start'], true), { message: /Unix socket/ })
  t.throws(() => parseOptions(['A', 'ws'], true), { message: /no workload "ws"/ })
  t.throws(() => parseOptions(['--nonsense'], true), { message: /nonsense/ })
})

test('options: nats in front means the NATS protocol, beside nats-server alone', t => {
  t.like(parseOptions(['nats'], true), { way: 'nats', servers: ['broker', 'nats'], workloads: workloads.filter(workload => workload.name !== 'start') })
  t.like(parseOptions(['nats', 'A', '--ws'], false), { way: 'nats-ws', servers: ['broker'], workloads: selectWorkloads(['A']) })
  t.throws(() => parseOptions(['A', '--ws'], true), { message: /--ws goes with nats/ })
  t.throws(() => parseOptions(['nats', 'start'], true), { message: /without nats/ })
})
