// One agent of the sample fleet as a broker starts it, connected to a scripted broker.

import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { decode } from '@msgpack/msgpack'
import type { ExecutionContext } from 'ava'
import type { Frame } from '../../broker/wire/frame.ts'
import { Kind } from '../../broker/wire/layout.ts'
import { PATIENCE_MS } from './run-callboard.ts'
import { ScriptedBroker, TOKEN, type ScriptedConnection } from './scripted-broker.ts'

export interface SampleAgent {
  readonly broker: ScriptedBroker
  readonly child: ChildProcess
  /** Its connection, after the handshake. */
  readonly peer: ScriptedConnection
}

/** What the agent asks, the test answers in its own time. */
const PATIENT = { limits: { maxFrameBytes: 1_064_960, maxSubscriptions: 10_000, maxOpenRequests: 10_000, requestTimeoutMs: 60_000 } }

export async function startSample(t: ExecutionContext, name: string, env: Readonly<Record<string, string>> = {}): Promise<SampleAgent> {
  const broker = await ScriptedBroker.start(t)
  const child = spawn(process.execPath, [join(import.meta.dirname, `../../examples/${name}.ts`)], {
    env: { PATH: process.env['PATH'], CALLBOARD_SOCKET: broker.socket, CALLBOARD_AGENT: name, CALLBOARD_TOKEN: TOKEN, CALLBOARD_CONNECT_TIMEOUT_MS: PATIENCE_MS, ...env },
    stdio: ['pipe', 'ignore', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return { broker, child, peer: await broker.welcome(PATIENT) }
}

/** Confirms the agent's next subscription; gives its pattern. */
export async function confirmSubscription(peer: ScriptedConnection): Promise<string> {
  const frame = await peer.nextOf(Kind.subscribe)
  peer.ok(frame)
  return (decode(frame.payload) as { pattern: string }).pattern
}

/** What a frame carries. */
export function valueOf(frame: Frame): unknown {
  return decode(frame.payload)
}
