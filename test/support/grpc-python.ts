// Stories with gRPC of another implementation: Debian's python3-grpcio. Left out where it is not installed; under CI, which
// installs it, they must run.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import test, { type ExecutionContext, type Implementation } from 'ava'
import type { Teardown } from './temporary-directory.ts'

/** The system's own: another one does not see the system's packages. */
const PYTHON = '/usr/bin/python3'
const isThere = process.env['CI'] === 'true' || spawnSync(PYTHON, ['-c', 'import grpc, google.protobuf']).status === 0

/** Declares a test that runs where python3-grpcio is installed. */
export function grpcioTest(title: string, story: Implementation<[]>): void {
  if (isThere) test(title, story)
  else test.skip(`${title} (left out: python3-grpcio is not installed)`, story)
}

export interface PythonClient {
  readonly pid: number
  /** Methods that reflection told. */
  readonly methods: readonly string[]
  /** What one job came to; see grpc_client.py. */
  job(job: object): Promise<Record<string, unknown>>
  kill(): Promise<void>
}

export async function pythonClient(t: ExecutionContext | Teardown, address: string, token: string, principal = 'owner'): Promise<PythonClient> {
  const child = spawn(PYTHON, [join(import.meta.dirname, 'grpc_client.py'), address, token, principal], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  t.teardown(kill)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<Record<string, unknown>> => {
    const { value, done } = await lines.next()
    if (done === true) throw new Error('the Python client ended')
    return JSON.parse(value) as Record<string, unknown>
  }
  const { methods } = (await next()) as { methods: string[] }
  return {
    pid: child.pid!,
    methods,
    kill,
    job(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`)
      return next()
    },
  }
}
