// Reads the bench's command line.

import { parseArgs } from 'node:util'
import { isNats, type ServerName, type Way } from './server/server.ts'
import { UsageError } from './usage.ts'
import { selectWorkloads, type Workload } from './workloads.ts'

export interface BenchOptions {
  readonly way: Way
  readonly workloads: readonly Workload[]
  readonly servers: readonly ServerName[]
  /** Rounds of every message workload, 1 and more. */
  readonly runs: number
  /** Length of one measured window. s, above 0 */
  readonly seconds: number
  /** Where the figures go as JSON. */
  readonly jsonFile: string | undefined
  /** Few messages, each looked at, no figures. */
  readonly isSmoke: boolean
}

export const usage = `npm run bench -- [ws] [NAME...] [options]

  ws              over WebSocket on loopback, instead of each server's own socket
  NAME            A B100 B1000 C Cmix C1 D1 D64 D64b F E start; B and D mean all of theirs; all without a name
  --runs N        rounds, servers in turn within each (default 5)
  --seconds S     length of a measured window (default 2)
  --json FILE     write every figure of every round
  --smoke         correctness only: few messages, each parsed and compared; exit 1 on any mismatch
  --servers LIST  some of broker,relay,nats
  --no-nats       without nats-server, which otherwise runs when it is installed

npm run bench -- nats [NAME...] [--ws] [options]

  the same by the NATS protocol: Callboard's NATS port beside nats-server, over TCP or with --ws over WebSocket

npm run bench -- queue [--servers LIST] [--runs N] [--messages N] [--rate N] [--directory DIR] [--json FILE] [--smoke]
npm run bench -- queue --backlog N [--directory DIR] [--json FILE]

  durable queues: ours with receipts at fsync, os and memory, beside jetstream, redis and rabbitmq where they are installed; all in turns.
  With --backlog ours alone, with N messages in it: rates, memory, start-up time. The stores stand below DIR (default /var/tmp)

npm run bench -- grpc [--runs N] [--seconds S] [--json FILE] [--smoke]

  calls and streams of the gRPC service beside a bare grpc-js server, in turns (default 5 rounds of 3 s)

npm run bench -- isolation [--runs N] [--seconds S] [--rate N] [--json FILE] [--smoke]

  what a paused, a slow and a crashing reader cost the others on their subject (default 7 rounds of 10 s at 20,000 messages a second)

npm run bench -- registry [--runs N] [--seconds S] [--rate N] [--services N] [--instances N] [--json FILE] [--smoke]

  the registry with 10,000 instances of 1,000 services at 1,000 operations a second, and a request by a name beside one on a subject (default 5 rounds)

npm run bench -- fleet [--runs N] [--seconds S] [--agents N] [--speaking N] [--json FILE] [--smoke]

  1,000 supervised agents, 10 of them programs of the SDK: start, a fifth killed at once, memory, requests by an agent's name (default 3 rounds)

npm run bench -- shm [--runs N] [--seconds S] [--json FILE] [--smoke]
npm run bench -- sandbox [--runs N] [--seconds S] [--json FILE]

  what an agent that takes processors and memory costs its neighbour: free, and confined (default 5 rounds of 5 s each)

npm run bench -- pool [--runs N] [--seconds S] [--json FILE]

  from which sizes on work belongs to the CPU pool: main thread and delay, here and pooled (default 7 rounds, 1 s for each size)

npm run bench -- recorder [NAME...] [--runs N] [--seconds S] [--json FILE]

  what the flight recorder costs of A and C1: its self time in profiles, and N pairs (default 15) of runs with it and without
`

const serverNames: readonly ServerName[] = ['broker', 'relay', 'nats']

/** @throws UsageError with what is wrong and what is allowed */
export function parseOptions(args: readonly string[], hasNats: boolean): BenchOptions {
  const { values, positionals } = parsed(args)
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) throw new UsageError(`--runs ${values.runs}: expected a whole number of 1 and more`)
  const seconds = Number(values.seconds)
  if (!(seconds > 0 && seconds <= 600)) throw new UsageError(`--seconds ${values.seconds}: expected a number above 0 and up to 600`)
  const way = wayOf(positionals, values.ws)
  const wanted = values.servers === undefined ? serverNames : values.servers.split(',').map(toServerName)
  // The relay speaks native frames alone.
  const servers = wanted.filter(name => (name !== 'nats' || (hasNats && !values['no-nats'])) && (name !== 'relay' || !isNats(way)))
  return { way, workloads: selectFor(way, positionals), servers, runs, seconds, jsonFile: values.json, isSmoke: values.smoke }
}

function wayOf([word]: readonly string[], isWebSocket: boolean): Way {
  if (word === 'nats') return isWebSocket ? 'nats-ws' : 'nats'
  if (isWebSocket) throw new UsageError('--ws goes with nats; without it the word ws stands in front')
  return word === 'ws' ? 'ws' : 'own'
}

function selectFor(way: Way, positionals: readonly string[]): readonly Workload[] {
  if (way === 'own') return selectWorkloads(positionals)
  const selected = selectWorkloads(positionals.slice(1))
  if (positionals.includes('start')) throw new UsageError(`start is measured without ${positionals[0]}: the first reply comes by the Unix socket`)
  return selected.filter(workload => workload.kind !== 'start')
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        runs: { type: 'string', default: '5' },
        seconds: { type: 'string', default: '2' },
        json: { type: 'string' },
        smoke: { type: 'boolean', default: false },
        servers: { type: 'string' },
        ws: { type: 'boolean', default: false },
        'no-nats': { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

function toServerName(text: string): ServerName {
  const name = serverNames.find(known => known === text)
  if (name === undefined) throw new UsageError(`--servers ${text}: expected some of ${serverNames.join(',')}`)
  return name
}
