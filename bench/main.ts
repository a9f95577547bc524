// The bench's command line: its first word picks what is measured; without one of these words it compares workloads.

import { compare } from './compare.ts'
import { usage } from './options.ts'
import { UsageError } from './usage.ts'

/** Each runs with the arguments behind its name and answers with how many problems it found. Loaded when asked for. */
const modes: Readonly<Record<string, (args: readonly string[]) => Promise<number>>> = {
  recorder: async args => (await import('./recorder/command.ts')).recorder(args),
  pool: async args => (await import('./pool/command.ts')).pool(args),
  queue: async args => (await import('./queue/command.ts')).queue(args),
  registry: async args => (await import('./registry/command.ts')).registry(args),
  fleet: async args => (await import('./fleet/command.ts')).fleet(args),
  grpc: async args => (await import('./grpc/command.ts')).grpc(args),
  isolation: async args => (await import('./isolation/command.ts')).isolation(args),
  shm: async args => (await import('./shm/command.ts')).shm(args),
  sandbox: async args => (await import('./sandbox/command.ts')).sandbox(args),
}

const [word = '', ...rest] = process.argv.slice(2)
try {
  const mode = modes[word]
  const problems = mode === undefined ? await compare(process.argv.slice(2)) : await mode(rest)
  process.exitCode = problems === 0 ? 0 : 1
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`error: ${error.message}\n\n${usage}`)
  process.exitCode = 2
}
