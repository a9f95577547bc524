// A server under measurement: a process of its own in a directory of its own.

import { spawn, type ChildProcess } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Target } from '../load/job.ts'

export type ServerName = 'broker' | 'relay' | 'nats'

/**
 * How the load reaches a server: by its own way (a Unix socket, or TCP where it has none), or by WebSocket on loopback; or by
 * the NATS protocol, over TCP or WebSocket.
 */
export type Way = 'own' | 'ws' | 'nats' | 'nats-ws'

export function isNats(way: Way): boolean {
  return way === 'nats' || way === 'nats-ws'
}

export interface BenchServer {
  readonly name: ServerName
  readonly target: Target
  /** Ends the process and removes its directory. */
  stop(): Promise<void>
}

const READY_MS = 60_000
const STOP_MS = 5_000

/** A directory that dies with its server. Its path is short: a Unix socket's path has at most 107 bytes. */
export function makeHome(parent = tmpdir()): Promise<string> {
  return mkdtemp(join(parent, 'cb-bench-'))
}

export function removeHome(home: string): Promise<void> {
  return rm(home, { recursive: true, force: true })
}

/** What a server printed, for when it does not come up. */
export interface SpawnedServer {
  readonly child: ChildProcess
  readonly output: () => string
}

export function spawnServer(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): SpawnedServer {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (data: Buffer): void => void (output = (output + data.toString()).slice(-4096))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.once('error', error => keep(Buffer.from(String(error))))
  return { child, output: () => output.trim() }
}

/**
 * Resolves when something listens at `address` (what net.connect takes).
 * @throws Error with the server's output when it ends first or is not up in `readyMs`
 */
export async function untilListening(server: SpawnedServer, address: { path: string } | { port: number; host: string }, readyMs = READY_MS): Promise<void> {
  const deadline = performance.now() + readyMs
  while (!(await accepts(address))) {
    if (server.child.exitCode !== null || server.child.signalCode !== null || server.child.pid === undefined) throw new Error(`the server ended before it listened: ${server.output()}`)
    if (performance.now() > deadline) throw new Error(`the server did not listen within ${readyMs} ms: ${server.output()}`)
    await sleep(2)
  }
}

function accepts(address: { path: string } | { port: number; host: string }): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** SIGTERM, and SIGKILL when that is not enough. Resolves when the process is gone. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(force)
}

/** A loopback port that nobody listens at. */
export async function freePort(): Promise<number> {
  // Below those of outgoing connections: whoever connects to one of these until a server listens there may meet itself.
  for (;;) {
    const port = randomInt(10_240, 32_768)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}
